"""Which decisions were asked for one at a time, under the keys that their callers gave: one small object each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.documents import STORED, Instant, document_of, read_document
from assembly_line.errors import NotFound
from assembly_line.names import asked_key
from assembly_line.storage.services.objects import ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedDecision:
    """That a decision was asked for, and what holds for every repetition.

    Args:
        request: a digest of what was asked, under the caller's key. It holds no key of an entity.
        asked_at: when, in real time: the decision's own instant where the request declares none.
    """

    __pydantic_config__ = STORED

    request: str
    asked_at: Instant

    def to_json(self) -> dict[str, Any]:
        return document_of(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> AskedDecision:
        return read_document(cls, document)


class AskedDecisions:
    """Beside the ledger of each line, kept for good: the first writer of a run holds."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def find(self, line: str, run_id: str) -> AskedDecision | None:
        """What was asked under this run; None if nothing was."""
        try:
            return AskedDecision.from_json(self._objects.read_json(asked_key(line, run_id)))
        except NotFound:
            return None

    def hold(self, line: str, run_id: str, asked: AskedDecision) -> AskedDecision:
        """Keep what was asked, unless somebody was first. Returns what holds."""
        if self._objects.add_json(asked_key(line, run_id), asked.to_json()):
            return asked
        return AskedDecision.from_json(self._objects.read_json(asked_key(line, run_id)))
