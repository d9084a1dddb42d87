"""Declared tables and what is there of them, and runs of the job that makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.explore.tables import AggregateTable
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features.explore.planned_tables import planned_table, sources_of_table
from assembly_line.features.explore.wide_planning import line_of
from assembly_line.features.wording.decision_wording import spine_in_words
from assembly_line.features.wording.feature_listing import listed_features
from assembly_line.names import EVERY_TABLE, TablesArgument, line_table, tables_prefix
from assembly_line.storage import MANIFEST

if TYPE_CHECKING:
    from assembly_line.declarations.explore.wide_tables import Table, WideTable
    from assembly_line.declarations.lines import Line
    from assembly_line.storage import Account


class Exploring:
    """The tables of one released line.

    Raises:
        NotFound: the line is not released here.
    """

    def __init__(self, account: Account, line: str) -> None:
        self._account = account
        self._release = account.released.release(line)
        self._line = self._release.line

    def all(self) -> list[dict[str, Any]]:
        """Every declared table, as JSON values."""
        return [self._document(table) for table in self._line.tables]

    def one(self, name: str) -> dict[str, Any]:
        """Everything about one table.

        Raises:
            NotFound: the line declares no such table.
        """
        table = self._declared(name)
        manifest = self._manifest(table) or {}
        shown = ("columns", "months", "snapshots")
        return self._document(table) | {name: manifest[name] for name in manifest if name in shown}

    def start(self, name: str | None) -> str:
        """Start the job for one table, or for all of the line; the run's id."""
        tables = EVERY_TABLE if name is None else self._declared(name).name
        return self._account.table_jobs.start({TablesArgument.LINE: self._line.name, TablesArgument.TABLES: tables})

    def wait(self, run_id: str) -> None:
        """Wait for a run of the job.

        Raises:
            RunFailed: it ended without success.
        """
        self._account.table_jobs.wait(run_id)

    def _declared(self, name: str) -> Table:
        for table in self._line.tables:
            if table.name == name:
                return table
        declared = ", ".join(table.name for table in self._line.tables) or "none"
        raise NotFound(
            f"line {self._line.name} has no table {name!r}; it has {declared}",
            where="table",
            value=repr(name),
            expected=f"one of {declared}",
        )

    def _manifest(self, table: Table) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._account.store.read_json(tables_prefix(self._line.name, table.name) + MANIFEST)
        except NotFound:
            return None
        return found

    def _document(self, table: Table) -> dict[str, Any]:
        manifest = self._manifest(table)
        return {
            "table": table.name,
            "catalog_table": line_table(self._line.name, table.name),
            **(aggregate_document(table) if isinstance(table, AggregateTable) else wide_document(self._line, table)),
            "refresh": table.refresh,
            "refreshed_at": manifest and manifest["refreshed_at"],
            "rows": manifest and manifest["rows"],
            "current": manifest is not None and manifest["definition"] == self._definition(table),
        }

    def _definition(self, table: Table) -> str | None:
        """What the job would make now; None where it could not."""
        lake = self._account.lake
        try:
            snapshots = {name: lake.snapshot(name) for name in sources_of_table(self._line, table)}
            return planned_table(self._release, table, snapshots).definition
        except (NotFound, RequestRefused):
            return None


def aggregate_document(table: AggregateTable) -> dict[str, Any]:
    return {
        "kind": "aggregate",
        "sources": [table.source.name],
        "by": list(table.groups),
        "rows_are": f"each {table.period} in {table.zone}",
        "values": {name: " of ".join(filter(None, (one.kind, one.column))) for name, one in table.measures.items()},
    }


def wide_document(line: Line, table: WideTable) -> dict[str, Any]:
    words = {one.name: one.definition for one in listed_features(line)}
    return {
        "kind": "wide",
        "sources": list(sources_of_table(line, table)),
        "by": list(key_columns(table.by)),
        "rows_are": spine_in_words(line_of(line, table).decision),
        "values": {name: words[name] for name in table.features},
    }
