"""The ledger in S3: append-only JSON Lines by line, kind and day. Joined when read, never rewritten."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Any

from assembly_line.canonical import canonical_json
from assembly_line.documents import (
    BRING_BACK,
    FLAG,
    LIST,
    NULL,
    NUMBER,
    OBJECT,
    TEXT,
    TEXT_OR_NULL,
    WHOLE,
    Allowed,
    parse_document,
    record_of,
)
from assembly_line.errors import DocumentUnreadable
from assembly_line.feedback import Receiving
from assembly_line.names import DeliveryStatus, FeedbackKind, LedgerKind, ledger_prefix
from assembly_line.storage.services.objects import ObjectStore

CONTENT_TYPE = "application/x-ndjson"
# Objects fetched at once; each waits for the network far longer than it computes.
READERS = 8
# What readers of a row take its members for. Rows of older versions lack some.
_MEMBERS: Mapping[str, Mapping[str, Allowed]] = {
    LedgerKind.PREDICTIONS: {
        **dict.fromkeys(("decision_id", "decision_time", "action", "dataset_id"), TEXT),
        **dict.fromkeys(("issued_at", "expires_at"), TEXT_OR_NULL),
        "revision": WHOLE,
        "keys": OBJECT,
        "score": NUMBER,
        # Of other kinds of outcome than binary: measure -> what everybody would be answered.
        "prior": (*NUMBER, *OBJECT),
        "baseline": (*NUMBER, *NULL),
        "scale": (*NUMBER, *NULL),
        "backfill": LIST,
    },
    LedgerKind.DELIVERIES: {
        "decision_id": TEXT,
        "revision": WHOLE,
        "status": frozenset(DeliveryStatus),
        "at": TEXT_OR_NULL,
    },
    LedgerKind.QUARANTINE: dict.fromkeys(("decision_id", "station", "reason", "detail"), TEXT),
    LedgerKind.FEEDBACK: {
        **dict.fromkeys(("event_id", "decision_id", "at", "received_at", "action"), TEXT),
        **dict.fromkeys(("principal", "sender", "message_id"), TEXT_OR_NULL),
        **dict.fromkeys(("sequence", "revision", "value"), WHOLE),
        "kind": frozenset(FeedbackKind),
        "status": frozenset(Receiving),
        "retracts": FLAG,
    },
    LedgerKind.OUTCOMES: {
        **dict.fromkeys(("decision_id", "run_id", "as_of"), TEXT),
        "mature_at": TEXT_OR_NULL,
        "value": (*NUMBER, *FLAG, *TEXT),
        "days": NUMBER,
        "later": LIST,
    },
}


class Ledger:
    """One bucket's ledger."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def append(self, line: str, kind: LedgerKind, day: str, name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
        """Write rows as one file. False if a file of that name is there: it stays as it is.

        Args:
            day: `yyyymmdd`.
            name: the same content must come under the same name, so that a retry writes nothing twice.
        """
        content = b"".join(canonical_json(row) + b"\n" for row in rows)
        return self._objects.add(_key(line, kind, day, name), content, content_type=CONTENT_TYPE)

    def names(self, line: str, kind: LedgerKind, day: str, *, prefix: str = "") -> list[str]:
        """Names of the files of one day that begin with `prefix`, in order."""
        folder = ledger_prefix(line, kind, day)
        return [
            stored.key.removeprefix(folder).removesuffix(".jsonl") for stored in self._objects.list(folder + prefix)
        ]

    def files(self, line: str, kind: LedgerKind, *, since: str = "") -> dict[str, dict[str, int]]:
        """day -> name of each of its files, in order -> its size, of the days from `since` (`yyyymmdd`) on."""
        folder = ledger_prefix(line, kind)
        found: dict[str, dict[str, int]] = defaultdict(dict)
        # No file of a day before sorts behind the day's own folder.
        for stored in self._objects.list(folder, after=ledger_prefix(line, kind, since) if since else ""):
            day, _, name = stored.key.removeprefix(f"{folder}day=").partition("/")
            found[day][name.removesuffix(".jsonl")] = stored.size
        return found

    def texts(self, line: str, kind: LedgerKind, day: str, name: str) -> list[tuple[bytes, dict[str, Any]]]:
        """The rows of one file, each with its text.

        Raises:
            NotFound: there is no such file.
            DocumentUnreadable: a row is not what the line wrote; names the member.
        """
        return self._texts(kind, _key(line, kind, day, name))

    def read_file(self, line: str, kind: LedgerKind, day: str, name: str) -> list[dict[str, Any]]:
        """The rows of one file.

        Raises:
            NotFound: there is no such file.
            DocumentUnreadable: a row is not what the line wrote; names the member.
        """
        return self._rows(kind, _key(line, kind, day, name))

    def read(
        self, line: str, kind: LedgerKind, *, since_day: str | None = None, until_day: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row of a kind, in order of day and file name.

        Args:
            since_day: the first day to read, `yyyymmdd`.
            until_day: the first day not to read.

        Raises:
            DocumentUnreadable: a row is not what the line wrote; names the member.
        """
        folder = ledger_prefix(line, kind)
        keys = (
            stored.key
            for stored in self._objects.list(folder)
            if (since_day or "") <= _day(stored.key, folder)
            and (until_day is None or _day(stored.key, folder) < until_day)
        )
        with ThreadPoolExecutor(READERS) as readers:
            while some := list(islice(keys, READERS * 8)):
                for rows in readers.map(partial(self._rows, kind), some):
                    yield from rows

    def _rows(self, kind: LedgerKind, key: str) -> list[dict[str, Any]]:
        return [row for _, row in self._texts(kind, key)]

    def _texts(self, kind: LedgerKind, key: str) -> list[tuple[bytes, dict[str, Any]]]:
        # Not splitlines(): U+2028 is a legal character within a JSON string.
        texts, place = [text for text in self._objects.read(key).split(b"\n") if text], self._objects.uri(key)
        rows = checked_rows(kind, [parse_document(text, of=place) for text in texts], of=place)
        return list(zip(texts, rows, strict=True))


def checked_rows(kind: LedgerKind, rows: object, *, of: str) -> list[dict[str, Any]]:
    """Rows as their readers rely on them.

    Args:
        of: where they stand.

    Raises:
        DocumentUnreadable: one has another member than the line wrote; names both. Who reads one
            that is missing is refused likewise.
    """
    if not isinstance(rows, list):
        raise DocumentUnreadable.about(of, type(rows).__name__, "a list", BRING_BACK)
    return [record_of(row, _MEMBERS[kind], of=f"{of}: row {number}") for number, row in enumerate(rows, start=1)]


def _key(line: str, kind: LedgerKind, day: str, name: str) -> str:
    return f"{ledger_prefix(line, kind, day)}{name}.jsonl"


def _day(key: str, folder: str) -> str:
    return key.removeprefix(f"{folder}day=")[:8]
