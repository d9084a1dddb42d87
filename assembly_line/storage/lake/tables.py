"""Materialised tables: a month is one object under a name made of its content; a manifest and the catalog say which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from assembly_line.canonical import digest_bytes
from assembly_line.declarations.lines import Line
from assembly_line.errors import NotFound
from assembly_line.instants import format_instant, parse_instant
from assembly_line.names import line_table, tables_prefix
from assembly_line.storage.lake.catalog import Catalog, CatalogTable
from assembly_line.storage.services.objects import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from assembly_line.features import PlannedTable, StoredMonth

MANIFEST = "manifest.json"
DATA = "data.parquet"
NAME_LENGTH = 32
# A query that began on the objects before may still read them.
KEPT = timedelta(days=1)


@dataclass(frozen=True)
class MonthPut:
    """Stores a month of a table. Picklable, for Spark's workers."""

    bucket: str
    line: str
    table: str

    def __call__(self, month: str, path: Path) -> str:
        content = path.read_bytes()
        name = digest_bytes(content)[:NAME_LENGTH]
        # A folder of its own: to a catalog a partition is a folder.
        key = f"{tables_prefix(self.line, self.table)}month={month}/{name}/{DATA}"
        ObjectStore(_s3(), self.bucket).add(key, content, content_type="application/vnd.apache.parquet")
        return key


class TableStore:
    """The materialised tables of lines, in one bucket and one catalog."""

    def __init__(self, store: ObjectStore, catalog: Catalog) -> None:
        self._store = store
        self._catalog = catalog

    def find(self, line: str, table: str) -> dict[str, Any] | None:
        """The manifest of a table, if it was ever materialised."""
        try:
            found: dict[str, Any] = self._store.read_json(tables_prefix(line, table) + MANIFEST)
        except NotFound:
            return None
        return found

    def publish(
        self, line: Line, table: PlannedTable, months: Sequence[StoredMonth], *, now: datetime
    ) -> dict[str, Any]:
        """Let the catalog say that these months are the table, and remember what they were made of.

        The months' objects are there. A query sees each month as it was, or as it is now. Objects that no manifest of
        the last day names are removed.
        """
        prefix = tables_prefix(line.name, table.name)
        before = self.find(line.name, table.name)
        document = {
            "schema": "assembly-line/table",
            "version": 2,
            "line": line.name,
            "table": table.name,
            "catalog_table": line_table(line.name, table.name),
            "definition": table.definition,
            "snapshots": dict(table.snapshots),
            "columns": dict(table.columns),
            "months": [{"month": one.month, "key": one.key, "rows": one.rows} for one in months],
            "rows": sum(one.rows for one in months),
            "refreshed_at": format_instant(now),
            "replaced": _replaced(before, {one.key for one in months}, now),
        }
        self._catalog.put(
            CatalogTable(
                name=line_table(line.name, table.name),
                description=f"{line.title}: {table.description}"[:2048],
                columns=table.columns,
                location=self._store.uri(prefix),
                partitions={one.month: self._store.uri(one.key.removesuffix(DATA)) for one in months},
                parameters={"assembly_line.definition": table.definition},
            )
        )
        self._store.write_json(prefix + MANIFEST, document)
        self._remove(prefix, document)
        return document

    def _remove(self, prefix: str, document: dict[str, Any]) -> None:
        kept = {one["key"] for one in (*document["months"], *document["replaced"])} | {prefix + MANIFEST}
        for item in list(self._store.list(prefix)):
            if item.key not in kept:
                self._store.delete(item.key)


def _replaced(before: dict[str, Any] | None, current: set[str], now: datetime) -> list[dict[str, str]]:
    """Objects that were in the catalog until less than a day ago, with when they ceased to be."""
    if before is None:
        return []
    found = [one for one in before["replaced"] if parse_instant(one["at"], field="at") > now - KEPT]
    found += [{"key": one["key"], "at": format_instant(now)} for one in before["months"]]
    return [one for one in found if one["key"] not in current]


@cache
def _s3() -> S3Client:
    return boto3.client("s3")
