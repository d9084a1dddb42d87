"""Publishing a line's online features: from the snapshots in force into the online table."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from assembly_line.features import (
    MEMORY_SHARE,
    DuckdbReader,
    Generation,
    PublishedSource,
    Snapshot,
    connect,
    prepared_items,
    served,
    sources_read,
)
from assembly_line.instants import later, to_micros
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.lake.online_table import OnlineTable, Publication

# The end of today's date, in whatever zone, is an event that lies up to two days ahead.
MARGIN = timedelta(days=2)
# Items outlive what may be read of them: a reader may be about to.
GRACE = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a publication did: `items` is None if the generation was in force already and is fresh enough."""

    publication: Publication
    items: int | None


class Publisher:
    """Publishes lines.

    Args:
        memory_mib: memory of this machine.
        kept: how long a publication may be read. The next one must come before that.
    """

    def __init__(self, lake: Lake, table: OnlineTable, *, memory_mib: int, kept: timedelta) -> None:
        self._lake = lake
        self._table = table
        self._memory_mib = int(memory_mib * MEMORY_SHARE)
        self._kept = kept

    def publish(self, release: Release, *, served_from: datetime | None, now: datetime) -> Published:
        """Put the features of a release in force, computed from the snapshots in force.

        Args:
            served_from: the first instant that can be asked for; by default two days before the newest event.
            now: real time.

        Raises:
            NotFound: a source was never loaded.
            Conflict: another publication of the line came first.
        """
        line = release.line
        snapshots = {name: self._lake.snapshot(name) for name in sources_read(line, served(line))}
        generation = Generation(
            line=line.name,
            release=release.digest,
            served_from=to_micros(_default_start(snapshots, now) if served_from is None else served_from),
            sources={name: _published(snapshot) for name, snapshot in snapshots.items()},
        )
        before = self._table.find(line.name)
        if before is not None and before.generation == generation and now < before.valid_until - self._kept / 2:
            return Published(publication=before, items=None)
        publication = Publication(generation=generation, published_at=now, valid_until=now + self._kept)
        items = self._write(release, publication, snapshots)
        self._table.put_in_force(publication, instead_of=before)
        return Published(publication=publication, items=items)

    def _write(self, release: Release, publication: Publication, snapshots: dict[str, Snapshot]) -> int:
        expires = publication.valid_until + GRACE
        rows = {name: snapshot.rows for name, snapshot in snapshots.items()}
        with tempfile.TemporaryDirectory(prefix="online-") as place:
            folder = Path(place)
            files = {name: self._lake.fetch(snapshot, name, folder) for name, snapshot in snapshots.items()}
            with connect(folder, memory_mib=self._memory_mib) as connection:
                items = prepared_items(
                    release.line,
                    publication.generation,
                    DuckdbReader(connection, files),
                    rows=rows,
                    memory_mib=self._memory_mib,
                )
                return self._table.write(items, expires_at=expires)


def _published(snapshot: Snapshot) -> PublishedSource:
    newest = snapshot.newest
    return PublishedSource(snapshot=snapshot.digest, newest=None if newest is None else to_micros(newest))


def _default_start(snapshots: dict[str, Snapshot], now: datetime) -> datetime:
    newest = [snapshot.newest for snapshot in snapshots.values() if snapshot.newest is not None]
    return later(min(max(newest, default=now), now), -MARGIN)
