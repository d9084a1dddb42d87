"""`line tables`: declared tables and what is there of them, runs of their job, and queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.tables import AggregateTable
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features.explore.planned_tables import planned_table, sources_of_table
from assembly_line.features.explore.wide_planning import line_of
from assembly_line.features.wording.decision_wording import spine_in_words
from assembly_line.features.wording.feature_listing import listed_features
from assembly_line.names import EVERY_TABLE, Parameter, TablesArgument, line_table, tables_prefix
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.lake.tables import MANIFEST
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.job_runs import JobRuns
from assembly_line.storage.services.queries import Queries, QueryResult

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.output import Render
    from assembly_line.cli.target import Target
    from assembly_line.declarations.lines import Line
    from assembly_line.declarations.wide_tables import Table, WideTable

NEVER = "never"


class Exploring:
    """The tables of one released line.

    Raises:
        NotFound: the line is not released here.
    """

    def __init__(self, target: Target, line: str) -> None:
        self._target = target
        self._release = ReleaseStore(target.store).read(target.control.current_release(line))
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
        return self._runs.start({TablesArgument.LINE: self._line.name, TablesArgument.TABLES: tables})

    def wait(self, run_id: str) -> None:
        """Wait for a run of the job.

        Raises:
            RunFailed: it ended without success.
        """
        self._runs.wait(run_id)

    @property
    def _runs(self) -> JobRuns:
        return JobRuns(self._target.client("glue"), self._target.parameters.value(Parameter.TABLES_JOB))

    def _declared(self, name: str) -> Table:
        for table in self._line.tables:
            if table.name == name:
                return table
        declared = ", ".join(table.name for table in self._line.tables) or "none"
        raise NotFound(f"line {self._line.name} has no table {name!r}; it has {declared}")

    def _manifest(self, table: Table) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._target.store.read_json(tables_prefix(self._line.name, table.name) + MANIFEST)
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
        lake = Lake(self._target.lake)
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


def queries(target: Target) -> Queries:
    """Athena in the workgroup of the environment."""
    parameters = target.parameters
    return Queries(
        target.client("athena"),
        workgroup=parameters.value(Parameter.QUERY_WORKGROUP),
        database=parameters.value(Parameter.GLUE_DATABASE),
    )


def draw_tables(found: Sequence[Mapping[str, Any]], line: str) -> Render:
    from assembly_line.cli.output import rows
    from assembly_line.cli.views.instants import minute

    columns = ("table", "by", "a row is of", "rows", "refreshed", "current", "refresh (UTC)")
    content = [
        (
            one["table"],
            ", ".join(one["by"]),
            one["rows_are"],
            one["rows"],
            minute(one["refreshed_at"]) or NEVER,
            one["current"],
            one["refresh"] or "by hand",
        )
        for one in found
    ]
    if not content:
        return lambda console: console.print(f"Line {line} declares no tables.", markup=False)

    def draw(console: Console) -> None:
        rows(columns, content)(console)
        words = f"In SQL the line's name stands before, such as {found[0]['catalog_table']}."
        console.print(words, markup=False, soft_wrap=True)

    return draw


def draw_table(found: Mapping[str, Any]) -> Render:
    from assembly_line.cli.output import fields
    from assembly_line.cli.views.instants import minute

    months = [one["month"] for one in found.get("months", [])]
    return fields(
        {
            "Table": found["table"],
            "In the catalog": found["catalog_table"],
            "Sources": ", ".join(found["sources"]),
            "By": ", ".join(found["by"]) or None,
            "A row is of": found["rows_are"],
            "Values": "\n".join(f"{name}: {what}" for name, what in found["values"].items()),
            "Columns": ", ".join(f"{name} {kind}" for name, kind in found.get("columns", {}).items()) or None,
            "Months": f"{months[0]} to {months[-1]}" if months else None,
            "Rows": found["rows"],
            "Refreshed": minute(found["refreshed_at"]) or NEVER,
            "Refresh": found["refresh"] or "by hand",
            "Current": "yes" if found["current"] else "no; run `line tables refresh`",
            "Snapshots": "\n".join(f"{name} {one[:12]}" for name, one in found.get("snapshots", {}).items()) or None,
        }
    )


def draw_answer(found: QueryResult) -> Render:
    from assembly_line.cli.output import rows

    return rows(found.columns, [["null" if cell is None else cell for cell in row] for row in found.rows])
