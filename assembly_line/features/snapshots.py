"""Snapshots: which objects, in which versions, make up a source at one load. What a dataset was built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assembly_line.canonical import digest
from assembly_line.instants import from_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotObject:
    """One Parquet object of a source. Times are event times in microseconds, None for a static source."""

    key: str
    version: str
    bytes: int
    rows: int
    min_time: int | None
    max_time: int | None

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A source as it was loaded.

    Args:
        source: the source's name.
        columns: column -> declared type, as written.
        objects: in order of key.
    """

    source: str
    columns: Mapping[str, str]
    objects: tuple[SnapshotObject, ...]

    @property
    def rows(self) -> int:
        return sum(item.rows for item in self.objects)

    @property
    def newest(self) -> datetime | None:
        """The latest event time; None for a static or an empty source."""
        times = [item.max_time for item in self.objects if item.max_time is not None]
        return from_micros(max(times)) if times else None

    @property
    def digest(self) -> str:
        """Names this content: objects and their versions included."""
        return digest(self._content())

    def to_json(self) -> dict[str, Any]:
        return {**self._content(), "snapshot": self.digest}

    def _content(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "columns": dict(self.columns),
            "objects": [item.to_json() for item in self.objects],
            "rows": self.rows,
        }


def snapshot_from_json(document: Mapping[str, Any]) -> Snapshot:
    """Read a snapshot back."""
    objects = tuple(SnapshotObject(**item) for item in document["objects"])
    return Snapshot(source=document["source"], columns=document["columns"], objects=objects)
