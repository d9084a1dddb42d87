"""The lake: typed Parquet of each source, its table in the Glue Data Catalog, and the snapshot that is in force."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.canonical import digest_bytes
from assembly_line.declarations.sources import Source
from assembly_line.errors import NotFound, SourceUnreadable
from assembly_line.features import (
    Snapshot,
    SnapshotObject,
    drift_between,
    earlier_than,
    snapshot_from_json,
)
from assembly_line.names import snapshot_key, source_prefix
from assembly_line.storage.lake.catalog import Catalog
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.storage.services.partial_parquet import LEAST_BYTES, Read, copy_columns

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

    from assembly_line.features import Input, Reader, TypedFile, TypedTable

TRANSFERS = 4
NAME_LENGTH = 32


@dataclass(frozen=True, slots=True)
class PreparedSource:
    """A source's content, checked and typed, in local files that the lake has not got yet."""

    source: Source
    table: TypedTable


class Lake:
    """One bucket of sources.

    Args:
        glue, database: where tables are registered; only `load` and `replace` need them.
    """

    def __init__(self, objects: ObjectStore, glue: GlueClient | None = None, database: str = "") -> None:
        self._objects = objects
        self._catalog = Catalog(glue, database) if glue is not None else None

    def load(self, source: Source, reader: Reader) -> Snapshot:
        """Replace a source by the content of a raw table.

        Raises:
            SourceUnreadable: the table is not what the source declares; nothing was replaced.
        """
        with tempfile.TemporaryDirectory(prefix="lake-") as folder:
            return self.replace(self.prepare(source, reader, Path(folder)))

    def prepare(self, source: Source, reader: Reader, folder: Path) -> PreparedSource:
        """Check a source's raw table and write it typed into `folder`; the lake is not touched.

        Raises:
            SourceUnreadable: the table is not what the source declares.
        """
        # Loading needs DuckDB, which a Glue job, a reader only, does not have.
        from assembly_line.features import write_typed

        folder.mkdir(parents=True, exist_ok=True)
        return PreparedSource(source, write_typed(source, reader, folder))

    def replace(self, prepared: PreparedSource) -> Snapshot:
        """Replace a source by what was prepared.

        The snapshot is written last: a load that dies leaves the old one in force. Loading the same content again gives
        the same snapshot.
        """
        if self._catalog is None:
            raise ValueError("Lake.replace needs glue and database")
        source, written = prepared.source, prepared.table.parts
        with ThreadPoolExecutor(TRANSFERS) as pool:
            objects = list(pool.map(lambda part: self._store(source, part), written))
        before = self._before(source.name)
        snapshot = Snapshot(
            source=source.name,
            columns=dict(source.columns),
            objects=tuple(sorted(objects, key=lambda item: item.key)),
            drift=drift_between(before, source.columns, prepared.table.undeclared),
            inexact=written[0].inexact if written else (),
        )
        if source.static:
            snapshot = replace(snapshot, earlier=earlier_than(snapshot, before))
        self._catalog.register(source, self._objects.uri(source_prefix(source.name)), _months(written))
        self._objects.write_json(snapshot_key(source.name), snapshot.to_json())
        kept = {item.key for item in objects}
        for old in list(self._objects.list(source_prefix(source.name))):
            if old.key not in kept:
                self._objects.delete(old.key)
        return snapshot

    def snapshot(self, name: str) -> Snapshot:
        """The snapshot of a source that is in force.

        Raises:
            NotFound: the source was never loaded here.
        """
        try:
            return snapshot_from_json(self._objects.read_json(snapshot_key(name)))
        except NotFound as error:
            raise NotFound(f"source {name}: was never loaded into this lake; run `line sources load`") from error

    def holds(self, name: str) -> bool:
        """Whether the source was ever loaded here."""
        return self._before(name) is not None

    def _before(self, name: str) -> Snapshot | None:
        try:
            return self.snapshot(name)
        except NotFound:
            return None

    def fetch(
        self, snapshot: Snapshot, source: str, folder: Path, *, months: Container[str] | None = None
    ) -> list[Path]:
        """Copy a snapshot's objects into `folder`.

        Args:
            months: such as {"2017-03"}: only these months; all of them if None.

        Raises:
            SourceUnreadable: an object of the snapshot is gone.
        """
        chosen = [item for item in snapshot.objects if months is None or _month_of(item.key) in months]
        return self.fetch_objects(source, chosen, folder)

    def fetch_objects(
        self,
        source: str,
        objects: Sequence[SnapshotObject],
        folder: Path,
        *,
        columns: Collection[str] | None = None,
    ) -> list[Path]:
        """Copy these objects, in the versions named, into `folder`.

        Args:
            columns: those that will be read of the files; of large objects little else is copied. All if None.

        Raises:
            SourceUnreadable: one of them is gone or was cut short.
        """
        place = folder / source
        place.mkdir(parents=True, exist_ok=True)
        pairs = [(item, place / f"{number:06}.parquet") for number, item in enumerate(objects)]
        with ThreadPoolExecutor(TRANSFERS) as pool:
            large = [] if columns is None else [pair for pair in pairs if pair[0].bytes >= LEAST_BYTES]
            partly = copy_columns(self._reads(source, large), columns or (), pool) if large else set()
            list(pool.map(lambda pair: self._download(source, *pair), [one for one in pairs if one[1] not in partly]))
        return [path for _, path in pairs]

    def _reads(self, source: str, pairs: Sequence[tuple[SnapshotObject, Path]]) -> list[tuple[Read, int, Path]]:
        return [(partial(self._read_range, source, item), item.bytes, path) for item, path in pairs]

    def fetch_earlier(self, inputs: Mapping[str, Input], folder: Path) -> dict[str, list[Path]]:
        """Source -> files of its earlier snapshot, as far as it was not deleted meanwhile."""
        found = {}
        for name, part in inputs.items():
            try:
                found[name] = self.fetch_objects(name, part.objects, folder)
            except SourceUnreadable:
                continue
        return found

    def uri(self, item: SnapshotObject) -> str:
        return self._objects.uri(item.key)

    def _store(self, source: Source, part: TypedFile) -> SnapshotObject:
        content = part.path.read_bytes()
        folder = "" if part.month is None else f"month={part.month}/"
        key = f"{source_prefix(source.name)}{folder}{digest_bytes(content)[:NAME_LENGTH]}.parquet"
        # The key is a digest of the content: what is there already is the same, and keeps its version.
        version = self._objects.version_of(key) if self._objects.exists(key) else self._objects.write(key, content)
        return SnapshotObject(
            key=key,
            version=version,
            bytes=len(content),
            rows=part.rows,
            min_time=part.min_time,
            max_time=part.max_time,
        )

    def _read_range(self, source: str, item: SnapshotObject, first: int, end: int) -> bytes:
        try:
            content, size = self._objects.read_range(item.key, first, end, version=item.version)
        except NotFound as error:
            raise SourceUnreadable(f"source {source}: {error}; run `line sources load`") from error
        if size != item.bytes or len(content) not in (0, end - first):
            raise self._cut_short(source, item, size)
        return content

    def _cut_short(self, source: str, item: SnapshotObject, size: int) -> SourceUnreadable:
        return SourceUnreadable(
            f"source {source}: {self.uri(item)} has {size} bytes, expected {item.bytes}; run `line sources load`"
        )

    def _download(self, source: str, item: SnapshotObject, path: Path) -> None:
        try:
            self._objects.download(item.key, path, version=item.version)
        except NotFound as error:
            raise SourceUnreadable(f"source {source}: {error}; run `line sources load`") from error
        if path.stat().st_size != item.bytes:
            raise self._cut_short(source, item, path.stat().st_size)


def _months(written: Iterable[TypedFile]) -> list[str]:
    return [part.month for part in written if part.month is not None]


def _month_of(key: str) -> str | None:
    folders = [part.removeprefix("month=") for part in key.split("/") if part.startswith("month=")]
    return folders[0] if folders else None
