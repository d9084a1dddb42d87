"""The control table: for each line its current release, runs and reviews; and the table of champions beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.documents import FLAG, LIST, TEXT, Allowed, Record, parse_document, record_of
from assembly_line.errors import Conflict, NotFound
from assembly_line.names import ControlKey, approved_item, expired_item, review_item, run_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from assembly_line.training import Champion

DOCUMENT = "document"
OF_CHAMPIONS = (str(ControlKey.CHAMPION), approved_item(""))
# What readers of its items take their members for.
MEMBERS: Mapping[str, Allowed] = {
    **dict.fromkeys(
        (
            "digest",
            "files",
            "run_id",
            "line",
            "author",
            "reviewer",
            "reason",
            "decided_at",
            "promoted_at",
            "token",
            "by",
        ),
        TEXT,
    ),
    "state": frozenset({"waiting", "decided", "did_not_pass"}),
    "decision": frozenset({"approve", "reject"}),
    "author_verified": FLAG,
    "risk": frozenset({"low", "standard", "high"}),
    "judgements": LIST,
    "reminders": LIST,
    "packet_digest": TEXT,
    "times_out_at": TEXT,
}
BEGINS = "#line = :line AND begins_with(#item, :prefix)"


class ControlTable:
    """Each item holds one JSON document.

    Args:
        champions: the table in which champions and approved runs stand, which one function alone may write; None for
            who reads neither.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str, champions: str | None = None) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._champions = champions

    def current_release(self, line: str) -> str:
        """Digest of the release that new work of the line uses.

        Raises:
            NotFound: the line was never released here.
        """
        found = self.read(line, ControlKey.CURRENT_RELEASE)
        if found is None:
            known = ", ".join(self.lines()) or "none"
            if (removed := self.read(line, ControlKey.REMOVED)) is not None:
                raise NotFound(
                    f"line {line!r} was removed at {removed['removed_at']}; released lines: {known}; to add it again, "
                    "with its ledger and registry, put its folder into lines/ and run `line deploy`"
                )
            raise NotFound(
                f"line {line!r} has no release here; released lines: {known}; run `line deploy` to release it"
            )
        return str(found["digest"])

    def released_files(self, line: str) -> str | None:
        """Digest of the files that the current release was read from; None where nobody kept it."""
        found = (self.read(line, ControlKey.CURRENT_RELEASE) or {}).get("files")
        return None if found is None else str(found)

    def released_by(self, line: str) -> str | None:
        """ARN of who released the current release; None where nobody kept it."""
        found = (self.read(line, ControlKey.CURRENT_RELEASE) or {}).get("by")
        return None if found is None else str(found)

    def last_release(self, line: str) -> str:
        """Digest of the current release; of a line that was removed, of the one that it had then.

        Raises:
            NotFound: the line was never released here.
        """
        for item in (ControlKey.CURRENT_RELEASE, ControlKey.REMOVED):
            if (found := self.read(line, item)) is not None:
                return str(found["digest"])
        return self.current_release(line)

    def retire_release(self, line: str, removal: Mapping[str, Any]) -> bool:
        """Take the current release away, so that no request for the line is accepted. False if there is none.

        Args:
            removal: `removed_at` and `removed_by`, kept beside the digest.

        Raises:
            Conflict: somebody released the line meanwhile.
        """
        current = self.read(line, ControlKey.CURRENT_RELEASE)
        if current is None:
            return False
        self.write(line, ControlKey.REMOVED, {**current, **removal})
        try:
            self._dynamodb.delete_item(
                TableName=self._name,
                Key=_key(line, ControlKey.CURRENT_RELEASE),
                ConditionExpression="#document = :known",
                ExpressionAttributeNames={"#document": DOCUMENT},
                ExpressionAttributeValues={":known": {"S": _text(current)}},
            )
        except ClientError as error:
            if _already(error) is False:
                raise Conflict(f"line {line!r} was released meanwhile and stays; look who did, then repeat") from error
        return True

    def set_current_release(self, line: str, digest: str, *, files: str | None = None, by: str | None = None) -> None:
        """Let new work of the line use a release.

        Args:
            files: the digest of the files of the folder that it was read from.
            by: ARN of who releases it; None where nobody vouches for it.
        """
        beside = {name: value for name, value in (("files", files), ("by", by)) if value}
        self.write(line, ControlKey.CURRENT_RELEASE, {"digest": digest, **beside})

    def champion(self, line: str) -> Champion:
        """What decides for the line now.

        Raises:
            NotFound: no run was approved yet.
        """
        found = self.read(line, ControlKey.CHAMPION)
        if found is None:
            raise NotFound(
                f"line {line!r} has no champion yet; run `line train {line}` and let a reviewer approve "
                "with `line review`"
            )
        return _champion(found)

    def promote(self, line: str, champion: Champion) -> bool:
        """Let an approved run decide, and keep it as approved. False if a run decides that was promoted after it.

        Repeating it changes nothing: what came later stands, be it another approval or a rollback.
        """
        document = champion.to_json()
        self.add(line, approved_item(champion.run_id), document)
        while True:
            current = self.read(line, ControlKey.CHAMPION)
            if current is not None and current["promoted_at"] >= champion.promoted_at:
                return bool(current["run_id"] == champion.run_id)
            if current is None:
                stored = self.add(line, ControlKey.CHAMPION, document)
            else:
                stored = self.replace(line, ControlKey.CHAMPION, document, known=current)
            if stored:
                return True

    def restore(self, line: str, champion: Champion, *, known: Champion) -> bool:
        """Let a run decide again in place of `known`, which is kept as approved. False if another one decides now."""
        # Kept since its approval, unless that was under an earlier version of the product.
        self.add(line, approved_item(known.run_id), known.to_json())
        current = self.read(line, ControlKey.CHAMPION)
        if current is None or _champion(current) != known:
            return False
        return self.replace(line, ControlKey.CHAMPION, champion.to_json(), known=current)

    def approved(self, line: str, run_id: str) -> Champion:
        """A run as it was approved.

        Raises:
            NotFound: it was not; the message names those that were.
        """
        found = self.read(line, approved_item(run_id))
        if found is None:
            known = ", ".join(run.run_id for run in self.approvals(line)) or "none"
            raise NotFound(f"run {run_id!r} of line {line!r} was not approved; approved were: {known}")
        return _champion(found)

    def approvals(self, line: str) -> list[Champion]:
        """Every run that was approved, the latest first, each as it was then."""
        found = [_champion(document) for document in self._query(line, approved_item(""))]
        return sorted(found, key=lambda run: run.promoted_at, reverse=True)

    def add_run(self, line: str, run_id: str, request: Mapping[str, Any]) -> bool:
        """Record who asked for a run. False if that run is recorded already."""
        return self.add(line, run_item(run_id), request)

    def run(self, line: str, run_id: str) -> dict[str, Any] | None:
        return self.read(line, run_item(run_id))

    def runs(self, line: str) -> list[dict[str, Any]]:
        """What was recorded of each run when it was asked for, with its `run_id`, in order of run id."""
        prefix = run_item("")
        texts = self._items(self._name, BEGINS, {":line": line, ":prefix": prefix})
        return [
            {"run_id": item[ControlKey.SORT]["S"].removeprefix(prefix), **json.loads(item[DOCUMENT]["S"])}
            for item in texts
        ]

    def review(self, line: str, run_id: str) -> dict[str, Any]:
        """The review of a run.

        Raises:
            NotFound: the run does not wait for a review and never did.
        """
        found = self.read(line, review_item(run_id))
        if found is None:
            raise NotFound(f"run {run_id!r} of line {line!r} has no review; `line status` shows what waits for one")
        return found

    def open_review(self, line: str, run_id: str, review: Mapping[str, Any]) -> bool:
        """Open a review, which carries the `token` of the waiting task. False if it was decided already.

        A repeated attempt comes with a new token: an undecided review waits with that one, and is open since the first.
        """
        if self.add(line, review_item(run_id), review):
            return True
        known = self.review(line, run_id)
        if known["state"] != "waiting":
            return False
        return self.replace(line, review_item(run_id), {**known, "token": review["token"]}, known=known)

    def judge_review(self, line: str, run_id: str, review: Mapping[str, Any], *, known: Mapping[str, Any]) -> bool:
        """Store the review after a judgement of `known`. False if another judgement or token came meanwhile."""
        return self.replace(line, review_item(run_id), review, known=known)

    def reviews(self, line: str) -> list[dict[str, Any]]:
        """Every review of the line, in order of run id."""
        return self._query(line, review_item(""))

    def expired(self, line: str) -> list[dict[str, Any]]:
        """Runs that have gone, or go, each with `run_id` and `expired_at`."""
        return self._query(line, expired_item(""))

    def lines(self) -> list[str]:
        """Every line that has a release here."""
        items: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = self._dynamodb.scan(
                TableName=self._name,
                FilterExpression="#item = :release",
                ExpressionAttributeNames={"#item": ControlKey.SORT},
                ExpressionAttributeValues={":release": {"S": str(ControlKey.CURRENT_RELEASE)}},
                **start,
            )
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return sorted(item[ControlKey.PARTITION]["S"] for item in items)
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def read(self, line: str, item: str) -> dict[str, Any] | None:
        """One item's document, or None."""
        answer = self._dynamodb.get_item(TableName=self._holding(item), Key=_key(line, item), ConsistentRead=True)
        found = answer.get("Item")
        return None if found is None else _document(found)

    def write(self, line: str, item: str, document: Mapping[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._holding(item), Item=_item(line, item, document))

    def add(self, line: str, item: str, document: Mapping[str, Any]) -> bool:
        """Store the document unless the item is there. False if it is: the first is kept."""
        try:
            self._dynamodb.put_item(
                TableName=self._holding(item),
                Item=_item(line, item, document),
                ConditionExpression="attribute_not_exists(#item)",
                ExpressionAttributeNames={"#item": ControlKey.SORT},
            )
        except ClientError as error:
            return _already(error)
        return True

    def replace(self, line: str, item: str, document: Mapping[str, Any], *, known: Mapping[str, Any]) -> bool:
        """Store the document where `known` stands. False if something else stands there meanwhile, or nothing."""
        try:
            self._dynamodb.put_item(
                TableName=self._holding(item),
                Item=_item(line, item, document),
                ConditionExpression="#document = :known",
                ExpressionAttributeNames={"#document": DOCUMENT},
                ExpressionAttributeValues={":known": {"S": _text(known)}},
            )
        except ClientError as error:
            return _already(error)
        return True

    def texts(self, line: str) -> list[tuple[str, str]]:
        """(item, document as JSON text) of everything that the tables hold of the line."""
        tables = (self._name, self._holding(ControlKey.CHAMPION))
        found = [item for table in tables for item in self._items(table, "#line = :line", {":line": line})]
        return [(item[ControlKey.SORT]["S"], item[DOCUMENT]["S"]) for item in found]

    def between(self, line: str, first: str, last: str) -> list[dict[str, Any]]:
        """Documents of the items from `first` to `last`, in order."""
        values = {":line": line, ":first": first, ":last": last}
        found = self._items(self._holding(first), "#line = :line AND #item BETWEEN :first AND :last", values)
        return list(map(_document, found))

    def last(self, line: str, prefix: str) -> dict[str, Any] | None:
        """The document of the last item that begins so, or None."""
        asked = self._asked(self._holding(prefix), BEGINS, {":line": line, ":prefix": prefix})
        page = self._dynamodb.query(**asked, ScanIndexForward=False, Limit=1)
        return next(map(_document, page["Items"]), None)

    def _query(self, line: str, prefix: str) -> list[dict[str, Any]]:
        found = self._items(self._holding(prefix), BEGINS, {":line": line, ":prefix": prefix})
        return list(map(_document, found))

    def _holding(self, item: str) -> str:
        """The table that holds the item."""
        if not item.startswith(OF_CHAMPIONS):
            return self._name
        if self._champions is None:
            raise ValueError(f"{item}: this access to the control table was made without the table of champions")
        return self._champions

    def _items(self, table: str, condition: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = self._dynamodb.query(**self._asked(table, condition, values), **start)
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return items
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _asked(self, table: str, condition: str, values: Mapping[str, str]) -> dict[str, Any]:
        names = {"#line": str(ControlKey.PARTITION), "#item": str(ControlKey.SORT)}
        return {
            "TableName": table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {name: key for name, key in names.items() if name in condition},
            "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
            "ConsistentRead": True,
        }


def _champion(document: Mapping[str, Any]) -> Champion:
    # Most who use the table read no champion, and start without what reads one.
    from assembly_line.training import Champion

    return Champion.from_json(document)


def _document(item: Mapping[str, Any]) -> Record:
    line, name = (item[key].get("S") for key in (ControlKey.PARTITION, ControlKey.SORT))
    place = f"line {line}: item {name}"
    return record_of(parse_document(item.get(DOCUMENT, {}).get("S") or "", of=place), MEMBERS, of=place)


def _key(line: str, item: str) -> dict[str, Any]:
    return {ControlKey.PARTITION: {"S": line}, ControlKey.SORT: {"S": str(item)}}


def _item(line: str, item: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return {**_key(line, item), DOCUMENT: {"S": _text(document)}}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, sort_keys=True, allow_nan=False)


def _already(error: ClientError) -> bool:
    if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
        return False
    raise error
