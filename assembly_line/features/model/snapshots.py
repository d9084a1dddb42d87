"""Snapshots: which objects, in which versions, make up a source at one load. What a dataset was built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assembly_line.canonical import digest
from assembly_line.documents import document_of, read_document
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDrift:
    """Columns of a source's raw file beside the declared ones, and how they changed since the load before.

    Args:
        ignored: column -> type in the file, of columns that no declaration names; they are not loaded.
        added: those of them that the file before did not have.
        gone: columns that the file before had, declared or not.
    """

    ignored: Mapping[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()


def drift_between(before: Snapshot | None, columns: Mapping[str, str], ignored: Mapping[str, str]) -> SchemaDrift:
    """What a file with these columns changes against the snapshot before; nothing is new in a first load."""
    if before is None:
        return SchemaDrift(ignored=ignored)
    known, now = {**before.columns, **before.drift.ignored}, {**columns, **ignored}
    return SchemaDrift(
        ignored=ignored,
        added=tuple(name for name in ignored if name not in known),
        gone=tuple(name for name in known if name not in now),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierSnapshot:
    """What a static source stated before its content changed last: its facts carry no time to tell them apart by."""

    snapshot: str
    columns: Mapping[str, str]
    objects: tuple[SnapshotObject, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A source as it was loaded.

    Args:
        source: the source's name.
        columns: column -> declared type, as written.
        objects: in order of key.
        drift: what the raw file had beside the declared columns. It determines no row, so the digest is without it.
        inexact: time columns in which an instant had to be chosen when it was loaded, later for event and known times,
            earlier for others; None if it was loaded before that was recorded. It determines no row.
        earlier: of a static source: the snapshot before, of other content. It determines no row.
    """

    source: str
    columns: Mapping[str, str]
    objects: tuple[SnapshotObject, ...]
    drift: SchemaDrift = field(default_factory=SchemaDrift)
    inexact: tuple[str, ...] | None = None
    earlier: EarlierSnapshot | None = None

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
        return {**document_of(self), "rows": self.rows, "snapshot": self.digest}

    def _content(self) -> dict[str, Any]:
        document = document_of(self)
        return {**{name: document[name] for name in ("source", "columns", "objects")}, "rows": self.rows}


def snapshot_from_json(document: Mapping[str, Any]) -> Snapshot:
    """Read a snapshot back, or an older version of it."""
    return read_document(Snapshot, document)


def earlier_than(now: Snapshot, before: Snapshot | None) -> EarlierSnapshot | None:
    """What a snapshot follows, where `before` was in force; content that is loaded once more follows nothing new."""
    if before is None or before.digest == now.digest:
        return None if before is None else before.earlier
    return EarlierSnapshot(snapshot=before.digest, columns=before.columns, objects=before.objects)
