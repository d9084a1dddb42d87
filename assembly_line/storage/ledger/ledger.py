"""The ledger in S3: append-only JSON Lines by line, kind and day. Joined when read, never rewritten."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from assembly_line.canonical import canonical_json
from assembly_line.names import LedgerKind, ledger_prefix
from assembly_line.storage.services.objects import ObjectStore

CONTENT_TYPE = "application/x-ndjson"
# Objects fetched at once; each waits for the network far longer than it computes.
READERS = 8


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

    def read_file(self, line: str, kind: LedgerKind, day: str, name: str) -> list[dict[str, Any]]:
        """The rows of one file.

        Raises:
            NotFound: there is no such file.
        """
        return _rows(self._objects.read(_key(line, kind, day, name)))

    def read(
        self, line: str, kind: LedgerKind, *, since_day: str | None = None, until_day: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row of a kind, in order of day and file name.

        Args:
            since_day: the first day to read, `yyyymmdd`.
            until_day: the first day not to read.
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
                for content in readers.map(self._objects.read, some):
                    yield from _rows(content)


def _key(line: str, kind: LedgerKind, day: str, name: str) -> str:
    return f"{ledger_prefix(line, kind, day)}{name}.jsonl"


def _day(key: str, folder: str) -> str:
    return key.removeprefix(f"{folder}day=")[:8]


def _rows(content: bytes) -> list[dict[str, Any]]:
    # Not splitlines(): U+2028 is a legal character within a JSON string.
    return [json.loads(line) for line in content.split(b"\n") if line]
