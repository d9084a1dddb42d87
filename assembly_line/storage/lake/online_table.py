"""The online table: for each line a pointer to the generation in force, and that generation's items. Readers never mix.

A generation's id is in the key of each of its items, so that writing one never touches another. Old ones go by the
table's time to live.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from assembly_line.documents import TEXT, Instant, document_of, parse_document, read_document, record_of
from assembly_line.errors import Conflict, NotFound, SendingFailed
from assembly_line.features import Generation
from assembly_line.instants import format_instant
from assembly_line.names import OnlineKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

    from assembly_line.features import EntityItem

READ_AT_ONCE = 100
WRITE_AT_ONCE = 25
ATTEMPTS = 10
FIRST_PAUSE = 0.05  # seconds
LONGEST_PAUSE = 5.0  # seconds
POINTER = 0
CONTENT, CHUNKS, SNAPSHOT, DOCUMENT, GENERATION = "content", "chunks", "snapshot", "document", "generation"

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The generation that is in force, and how long it may be read."""

    generation: Generation
    published_at: Instant
    valid_until: Instant


class OnlineTable:
    """One DynamoDB table.

    Args:
        pause: waits so many seconds before what was not processed is asked for again.
    """

    def __init__(
        self, dynamodb: DynamoDBServiceResource, name: str, *, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._pause = pause

    def find(self, line: str) -> Publication | None:
        """What is in force for a line, if anything was ever published."""
        answer = self._dynamodb.Table(self._name).get_item(Key=_key(_pointer(line), POINTER), ConsistentRead=True)
        if "Item" not in answer:
            return None
        place = f"online features of line {line}"
        text = record_of(answer["Item"], {DOCUMENT: TEXT}, of=place)[DOCUMENT]
        return read_document(Publication, parse_document(text, of=place))

    def in_force(self, line: str, *, now: datetime) -> Publication:
        """What is in force for a line.

        Raises:
            NotFound: nothing was published, or what was is too old to be read.
        """
        found = self.find(line)
        if found is None:
            raise NotFound(f"line {line!r} has no online features here; run `line features publish {line}`")
        if now >= found.valid_until:
            raise NotFound(
                f"line {line!r}: its online features of {format_instant(found.published_at)} were kept until "
                f"{format_instant(found.valid_until)}; run `line features publish {line}` again"
            )
        return found

    def write(self, items: Iterable[EntityItem], *, expires_at: datetime) -> int:
        """Store items; the same ones again change nothing but their expiry. Returns how many.

        Raises:
            SendingFailed: the table did not take some after every attempt.
        """
        written = 0
        for batch in _batches(items, WRITE_AT_ONCE):
            requests = [{"PutRequest": {"Item": _item(item, expires_at)}} for item in batch]
            self._write(requests)
            written += len(requests)
        return written

    def put_in_force(self, publication: Publication, *, instead_of: Publication | None) -> None:
        """Let readers read this generation from now on, all of its items being there.

        Raises:
            Conflict: another publication came first; what it put in force stays.
        """
        document = document_of(publication)
        line, text = publication.generation.line, json.dumps(document, sort_keys=True)
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#document)"}
        if instead_of is not None:
            condition = {
                "ConditionExpression": "#generation = :before AND #published = :at",
                "ExpressionAttributeValues": {
                    ":before": instead_of.generation.id,
                    ":at": format_instant(instead_of.published_at),
                },
            }
        names = (
            {"#document": DOCUMENT} if instead_of is None else {"#generation": GENERATION, "#published": "published"}
        )
        item = {
            **_key(_pointer(line), POINTER),
            DOCUMENT: text,
            GENERATION: publication.generation.id,
            "published": document["published_at"],
        }
        try:
            self._dynamodb.Table(self._name).put_item(Item=item, ExpressionAttributeNames=names, **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise Conflict(
                f"line {line!r}: another publication of its online features finished while this one was under way; "
                "what that one published stays in force: publish again if yours is the newer"
            ) from error

    def read(self, keys: Sequence[str]) -> dict[str, list[bytes]]:
        """Key -> chunks in order, for the keys that have an item.

        Raises:
            SendingFailed: the table did not answer for some after every attempt.
        """
        found: dict[str, list[bytes]] = {}
        missing: list[tuple[str, int]] = []
        for key, _, content, chunks in self._read([(key, 0) for key in dict.fromkeys(keys)]):
            found[key] = [content, *([b""] * (chunks - 1))]
            missing += [(key, chunk) for chunk in range(1, chunks)]
        for key, chunk, content, _ in self._read(missing):
            found[key][chunk] = content
        return found

    def _read(self, keys: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int, bytes, int]]:
        for batch in _batches(keys, READ_AT_ONCE):
            waiting: Any = {self._name: {"Keys": [_key(*key) for key in batch], "ConsistentRead": True}}
            for attempt in range(ATTEMPTS):
                answer = self._dynamodb.batch_get_item(RequestItems=waiting)
                for item in answer["Responses"].get(self._name, []):
                    chunk, chunks = int(str(item[OnlineKey.SORT])), int(str(item[CHUNKS]))
                    yield str(item[OnlineKey.PARTITION]), chunk, bytes(item[CONTENT]), chunks  # type: ignore[arg-type]
                waiting = answer.get("UnprocessedKeys")
                if not waiting:
                    break
                self._wait(attempt)
            else:
                raise SendingFailed(f"the online table left keys unread after {ATTEMPTS} attempts; ask again")

    def _write(self, requests: Any) -> None:
        waiting: Any = {self._name: requests}
        for attempt in range(ATTEMPTS):
            waiting = self._dynamodb.batch_write_item(RequestItems=waiting).get("UnprocessedItems")
            if not waiting:
                return
            self._wait(attempt)
        raise SendingFailed(f"the online table left items unwritten after {ATTEMPTS} attempts; publish again")

    def _wait(self, attempt: int) -> None:
        self._pause(secrets.SystemRandom().uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))


def _pointer(line: str) -> str:
    return f"line#{line}"


def _key(key: str, chunk: int) -> dict[str, Any]:
    return {OnlineKey.PARTITION: key, OnlineKey.SORT: chunk}


def _item(item: EntityItem, expires_at: datetime) -> Mapping[str, Any]:
    return {
        **_key(item.key, item.chunk),
        CHUNKS: item.chunks,
        SNAPSHOT: item.snapshot,
        CONTENT: item.content,
        OnlineKey.EXPIRES: int(expires_at.timestamp()),
    }


def _batches(parts: Iterable[Part], size: int) -> Iterator[list[Part]]:
    batch: list[Part] = []
    for part in parts:
        batch.append(part)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
