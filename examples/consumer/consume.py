"""A consuming application: applies each decision of a line once, however often its message comes, and sends receipts.

It knows two queue URLs and the published message schemas, and nothing else of the line: this one file needs boto3 and
jsonschema alone.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from jsonschema import Draft202012Validator

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
BATCH = 10
SENDING_ATTEMPTS = 5
EMPTY_POLLS = 2
POINTER = "assembly-line/prediction-pointer"
PREDICTION = "assembly-line/prediction"
OURS = "assembly-line/"
INSTANTS = ("decision_time", "issued_at", "expires_at")
LONGEST_NAME = 100  # characters; a receipt's id has the decision's and the revision beside it, in 200
TABLES = """
CREATE TABLE IF NOT EXISTS inbox (
    decision_id TEXT NOT NULL, revision INTEGER NOT NULL, digest TEXT NOT NULL, status TEXT NOT NULL,
    receipt TEXT NOT NULL, PRIMARY KEY (decision_id, revision)
) STRICT;
CREATE TABLE IF NOT EXISTS work_list (
    decision_id TEXT PRIMARY KEY, revision INTEGER NOT NULL, line TEXT NOT NULL, action TEXT NOT NULL,
    score REAL NOT NULL, keys TEXT NOT NULL, expires_at TEXT NOT NULL, times_applied INTEGER NOT NULL
) STRICT;
"""


class Refused(Exception):
    """The message cannot be used; the text says why."""


# Whatever one message makes fail, it fails alone. A database that is full or locked is not among these.
OF_ONE_MESSAGE = (
    *(Refused, ValueError, TypeError, LookupError, ArithmeticError, RecursionError),
    *(sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError),
)


class MessageReader:
    """Checks messages against the schemas in a folder.

    Args:
        folder: holds `prediction.v1.json`, `prediction.v2.json`, `prediction-pointer.v1.json` and `feedback.v1.json`.
        actions: those that this application can carry out; None if it takes every action.
        s3: makes the client that fetches bodies which were too large for a message.
    """

    def __init__(self, folder: Path, *, actions: Sequence[str] | None, s3: Callable[[], Any]) -> None:
        self._predictions = {version: _validator(folder / f"prediction.v{version}.json") for version in (1, 2)}
        self._pointer = _validator(folder / "prediction-pointer.v1.json")
        self._feedback = _validator(folder / "feedback.v1.json")
        self._actions = actions
        self._s3 = s3

    def read(self, body: str) -> dict[str, Any]:
        """The prediction that a message carries or points to.

        Raises:
            Refused: it is not strict JSON, breaks the schema, has an unknown action or an instant that no calendar has,
                or its body is gone or altered.
        """
        document = _parse(body)
        if isinstance(document, Mapping) and document.get("schema") == POINTER:
            _check(self._pointer, document)
            document = _parse(self._fetch(document))
        version = document.get("version") if isinstance(document, Mapping) else None
        # Of any other version than 2, the first schema says what is wrong.
        _check(self._predictions[2 if version == 2 else 1], document)
        _check_calendar(document)
        _check_range(document)
        if self._actions is not None and document["action"] not in self._actions:
            raise Refused(f"$.action: is none of {', '.join(self._actions)}")
        prediction: dict[str, Any] = document
        return prediction

    def check_receipt(self, receipt: str) -> None:
        """Refuse to send what the line would refuse to read.

        Raises:
            Refused: the receipt breaks the schema.
        """
        try:
            _check(self._feedback, json.loads(receipt))
        except Refused as reason:
            raise Refused(f"its receipt: {reason}") from reason

    def _fetch(self, pointer: Mapping[str, Any]) -> bytes:
        bucket, _, key = pointer["uri"].removeprefix("s3://").partition("/")
        try:
            content: bytes = self._s3().get_object(Bucket=bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise Refused(f"{pointer['uri']}: cannot be read: {error}") from error
        if hashlib.sha256(content).hexdigest() != pointer["digest"]:
            raise Refused(f"{pointer['uri']}: its SHA-256 is not the announced one")
        return content


def _validator(path: Path) -> Draft202012Validator:
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def _check(validator: Draft202012Validator, document: object) -> None:
    for error in validator.iter_errors(document):
        # The text of a schema error quotes the value, which may be personal.
        raise Refused(f"{error.json_path}: breaks the schema's rule {error.validator!r}")


def _check_calendar(prediction: Mapping[str, Any]) -> None:
    # A schema knows neither how long a month is nor leap years.
    for name in INSTANTS:
        try:
            datetime.fromisoformat(prediction[name])
        except ValueError as error:
            raise Refused(f"$.{name}: is an instant that no calendar has") from error


def _check_range(prediction: Mapping[str, Any]) -> None:
    # A schema compares no two fields. Version 1 has no range but that of its schema.
    low, high = prediction.get("lowest"), prediction.get("highest")
    if (low is not None and prediction["score"] < low) or (high is not None and prediction["score"] > high):
        raise Refused("$.score: is outside of the range that the line declares")


def _parse(text: str | bytes) -> Any:
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_repetition)
        # An escape can hide half of a surrogate pair, which no database takes; a number can be too large for any.
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        return document
    except (ValueError, RecursionError) as error:
        raise Refused("is not strict JSON") from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member appears twice")
    return members


@dataclass(frozen=True)
class Applied:
    """What became of a message. `receipt`: the feedback event to send, the same however often the message comes."""

    status: str
    receipt: str
    duplicate: bool


class Inbox:
    """One application's memory; `name` distinguishes its receipts from those of others."""

    def __init__(self, path: Path, *, name: str) -> None:
        self._name = name
        self._database = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.executescript(TABLES)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is applied within is kept together, or not at all."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    @contextmanager
    def message(self) -> Iterator[None]:
        """All that one message of a transaction does is kept, or nothing of it."""
        self._database.execute("SAVEPOINT message")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK TO message")
            raise
        finally:
            self._database.execute("RELEASE message")

    def apply(self, prediction: Mapping[str, Any], *, now: datetime) -> Applied:
        """Put a decision on the work list unless this message was seen, a newer one was, or it has expired.

        Raises:
            Refused: the same decision and revision came before with other contents.
        """
        key = (prediction["decision_id"], prediction["revision"])
        digest = hashlib.sha256(json.dumps(prediction, sort_keys=True).encode()).hexdigest()
        seen = self._database.execute(
            "SELECT digest, status, receipt FROM inbox WHERE decision_id = ? AND revision = ?", key
        ).fetchone()
        if seen is not None:
            if seen[0] != digest:
                raise Refused(f"decision {key[0]}: revision {key[1]} came before with other contents")
            return Applied(seen[1], seen[2], duplicate=True)
        status = self._status(prediction, now)
        if status == "applied":
            self._put_on_the_list(prediction)
        receipt = json.dumps(self._receipt(prediction, status, now))
        self._database.execute("INSERT INTO inbox VALUES (?, ?, ?, ?, ?)", (*key, digest, status, receipt))
        return Applied(status, receipt, duplicate=False)

    def _status(self, prediction: Mapping[str, Any], now: datetime) -> str:
        newest = self._database.execute(
            "SELECT max(revision) FROM inbox WHERE decision_id = ?", (prediction["decision_id"],)
        ).fetchone()[0]
        if newest is not None and newest > prediction["revision"]:
            return "superseded"
        return "expired" if datetime.fromisoformat(prediction["expires_at"]) <= now else "applied"

    def _put_on_the_list(self, prediction: Mapping[str, Any]) -> None:
        self._database.execute(
            "INSERT INTO work_list VALUES (?, ?, ?, ?, ?, ?, ?, 1) ON CONFLICT (decision_id) DO UPDATE SET "
            "revision = excluded.revision, action = excluded.action, score = excluded.score, "
            "expires_at = excluded.expires_at, times_applied = times_applied + 1",
            (
                prediction["decision_id"],
                prediction["revision"],
                prediction["line"],
                prediction["action"],
                prediction["score"],
                json.dumps(prediction["keys"], ensure_ascii=False),
                prediction["expires_at"],
            ),
        )

    def _receipt(self, prediction: Mapping[str, Any], status: str, now: datetime) -> dict[str, Any]:
        return {
            "schema": "assembly-line/feedback",
            "version": 1,
            "kind": "receipt",
            "event_id": f"{self._name}-{prediction['decision_id']}-{prediction['revision']}",
            "line": prediction["line"],
            "decision_id": prediction["decision_id"],
            # Revisions only rise, so the receipt of the newest one holds in the ledger.
            "sequence": prediction["revision"],
            "at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "revision": prediction["revision"],
            "status": status,
        }


class Stopped(BaseException):
    """The process was asked to end while it waited for messages."""


class Consumer:
    """Takes messages from one queue, applies them, sends receipts to another, and only then deletes them."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.sqs = boto3.client("sqs")
        self.queue_url: str = arguments.queue_url
        self.feedback_url: str = arguments.feedback_queue_url
        self.until_empty: bool = arguments.until_empty
        self.wait_seconds: int = arguments.wait_seconds
        self.business_time: datetime | None = arguments.now
        self.inbox = Inbox(arguments.database, name=arguments.name or self.queue_url.rsplit("/", 1)[-1])
        self.reader = MessageReader(arguments.schemas, actions=arguments.actions, s3=lambda: boto3.client("s3"))
        self.counts: Counter[str] = Counter()
        self.stopping = False
        self.waiting = False

    def run(self) -> None:
        """Work until told to stop, or until the queue is empty if that was asked for."""
        empty = 0
        while not self.stopping and not (self.until_empty and empty >= EMPTY_POLLS):
            messages = self.receive()
            empty = 0 if messages else empty + 1
            if messages:
                self.work_on(messages)

    def receive(self) -> Sequence[Any]:
        self.waiting = True
        try:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue_url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=self.wait_seconds
            )
        except Stopped:
            return []
        finally:
            self.waiting = False
        return answer.get("Messages", [])

    def work_on(self, messages: Sequence[Any]) -> None:
        """Apply what is valid in one transaction, send receipts, then delete: a crash in between repeats safely."""
        readable: list[tuple[Any, dict[str, Any]]] = []
        others = []
        for message in messages:
            self.counts["received"] += 1
            with self.refusing(message):
                if _is_no_prediction(message["Body"]):
                    others.append(message)
                else:
                    readable.append((message, self.reader.read(message["Body"])))
        self.delete(others)
        now = self.business_time or datetime.now(UTC)
        finished = []
        with self.inbox.transaction():
            for message, prediction in readable:
                with self.refusing(message), self.inbox.message():
                    outcome = self.apply(prediction, now)
                    self.counts["duplicates" if outcome.duplicate else outcome.status] += 1
                    finished.append((message, outcome.receipt))
        self.delete([message for (message, _), sent in zip(finished, self.send(finished), strict=True) if sent])

    @contextmanager
    def refusing(self, message: Any) -> Iterator[None]:
        """A message that cannot be used stays in the queue, which moves it alone to its dead-letter queue."""
        try:
            yield
        except OF_ONE_MESSAGE as error:
            self.counts["refused"] += 1
            # The text of any other error may quote the message, which may be personal.
            reason = error if isinstance(error, Refused) else f"cannot be applied: {type(error).__name__}"
            print(f"refused message {message['MessageId']}: {reason}", file=sys.stderr)

    def apply(self, prediction: Mapping[str, Any], now: datetime) -> Applied:
        outcome = self.inbox.apply(prediction, now=now)
        # A replay reads predictions that may have been issued in real time, long after the replayed expiry.
        if self.business_time is None and outcome.status == "applied" and not _outlives_its_issue(prediction):
            raise Refused("$.expires_at: is not after issued_at")
        self.reader.check_receipt(outcome.receipt)
        return outcome

    def send(self, finished: Sequence[tuple[Any, str]]) -> list[bool]:
        """Send each receipt; says of each whether the queue took it."""
        sent = [False] * len(finished)
        for _ in range(SENDING_ATTEMPTS):
            entries = [
                {"Id": str(place), "MessageBody": receipt}
                for place, (_, receipt) in enumerate(finished)
                if not sent[place]
            ]
            if not entries:
                break
            answer = self.sqs.send_message_batch(QueueUrl=self.feedback_url, Entries=entries)  # type: ignore[arg-type]
            for done in answer.get("Successful", []):
                sent[int(done["Id"])] = True
        self.counts["receipts"] += sum(sent)
        return sent

    def delete(self, messages: Sequence[Any]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": one["ReceiptHandle"]} for place, one in enumerate(messages)]
        if entries:
            self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)  # type: ignore[arg-type]

    def stop(self, *_: object) -> None:
        self.stopping = True
        if self.waiting:
            raise Stopped

    def summary(self) -> dict[str, int]:
        names = ("received", "applied", "duplicates", "superseded", "expired", "refused", "receipts")
        return {name: self.counts[name] for name in names}


def _is_no_prediction(body: str) -> bool:
    """Whether the line says something else, such as a probe: it is acknowledged, and nothing else happens."""
    document = _parse(body)
    schema = document.get("schema") if isinstance(document, Mapping) else None
    return isinstance(schema, str) and schema.startswith(OURS) and schema not in (PREDICTION, POINTER)


def _outlives_its_issue(prediction: Mapping[str, Any]) -> bool:
    return datetime.fromisoformat(prediction["expires_at"]) > datetime.fromisoformat(prediction["issued_at"])


def instant(text: str) -> datetime:
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no zone; write 2017-08-08T00:00:00Z")
    try:
        return parsed.astimezone(UTC)
    except OverflowError as error:
        raise argparse.ArgumentTypeError(f"{text!r} lies outside the years 1 to 9999 in UTC") from error


def application_name(text: str) -> str:
    if not (0 < len(text) <= LONGEST_NAME and text.isprintable()):
        raise argparse.ArgumentTypeError(f"expected 1 to {LONGEST_NAME} printable characters")
    return text


def read_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queue-url", required=True, help="the subscriber's queue, to read predictions from")
    parser.add_argument("--feedback-queue-url", required=True, help="the line's feedback queue, to send receipts to")
    parser.add_argument("--database", required=True, type=Path, help="SQLite file with what was applied")
    parser.add_argument(
        "--name", type=application_name, help="this application's name in its receipts; the queue's name if left out"
    )
    parser.add_argument("--actions", nargs="+", help="what this application can do; every action if left out")
    parser.add_argument("--schemas", type=Path, default=SCHEMAS, help="folder with the published JSON Schemas")
    parser.add_argument("--now", type=instant, help="business time, to replay an old period; the clock if left out")
    parser.add_argument("--until-empty", action="store_true", help="end when the queue is empty instead of waiting on")
    parser.add_argument("--wait-seconds", type=int, default=None, help="length of one long poll, 0 to 20")
    parsed = parser.parse_args(arguments)
    if parsed.wait_seconds is None:
        parsed.wait_seconds = 1 if parsed.until_empty else 20
    return parsed


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = read_arguments(arguments)
    try:
        consume(chosen)
    except (BotoCoreError, ClientError) as error:
        print(f"consume.py: {error}; are queue, Region and credentials right?", file=sys.stderr)
        return 1
    return 0


def consume(arguments: argparse.Namespace) -> None:
    """Work until the queue is empty or the process is told to end; print what was done, also after a failure."""
    consumer = Consumer(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, consumer.stop)
    try:
        consumer.run()
    finally:
        consumer.inbox.close()
        print(json.dumps(consumer.summary()))


if __name__ == "__main__":
    sys.exit(main())
