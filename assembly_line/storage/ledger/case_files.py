"""What people see of a run's decisions, in one compressed file with an index: a case is read without the others."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from assembly_line.canonical import canonical_json, digest_bytes
from assembly_line.errors import NotFound

if TYPE_CHECKING:
    from assembly_line.storage.services.objects import ObjectStore

INDEX = "cases.json"
# Decisions that are compressed together, and so read together.
TOGETHER = 64


class CaseFile:
    """The cases of one scoring run.

    Args:
        prefix: the run's folder.
    """

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    def write(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Keep cases, each with its `decision_id`, in order of that. The index comes last, and says what counts."""
        parts: list[bytes] = []
        blocks: list[tuple[str, int, int]] = []
        place = 0
        for some in _some(cases):
            part = gzip.compress(b"".join(canonical_json(case) + b"\n" for case in some), mtime=0)
            blocks.append((some[0]["decision_id"], place, place + len(part)))
            parts.append(part)
            place += len(part)
        content = b"".join(parts)
        name = f"cases-{digest_bytes(content)[:32]}.jsonl.gz"
        self._store.write(f"{self._prefix}{name}", content, content_type="application/gzip")
        self._store.write_json(f"{self._prefix}{INDEX}", {"file": name, "blocks": blocks})

    def read(self, decision_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """decision_id -> its case, of those that the run kept; nothing of a run that kept none."""
        try:
            index = self._store.read_json(f"{self._prefix}{INDEX}")
        except NotFound:
            return {}
        firsts = [first for first, _, _ in index["blocks"]]
        wanted: dict[int, set[str]] = defaultdict(set)
        for decision_id in decision_ids:
            if (place := bisect_right(firsts, decision_id) - 1) >= 0:
                wanted[place].add(decision_id)
        found: dict[str, dict[str, Any]] = {}
        for place, these in sorted(wanted.items()):
            _, first, end = index["blocks"][place]
            content = self._bytes(f"{self._prefix}{index['file']}", first, end)
            for text in gzip.decompress(content).splitlines():
                case = json.loads(text)
                if case["decision_id"] in these:
                    found[case["decision_id"]] = case
        return found

    def _bytes(self, key: str, first: int, end: int) -> bytes:
        # Some stores give objects only whole.
        return self._store.read_range(key, first, end)[0] or self._store.read(key)[first:end]


def _some(cases: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    remaining = iter(cases)
    while some := list(islice(remaining, TOGETHER)):
        yield some
