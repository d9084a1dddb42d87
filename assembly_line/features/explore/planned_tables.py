"""What a declared table would be made of now: sources, columns, and a digest of all that determines its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assembly_line.canonical import digest
from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.explore.tables import AggregateTable
from assembly_line.declarations.explore.wide_tables import Table
from assembly_line.declarations.lines import Line
from assembly_line.features.explore.aggregation import columns_read, columns_written
from assembly_line.features.explore.wide_planning import columns_of, sources_of, wide_plan
from assembly_line.features.model.plans import Input, Plan
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.features.wording.decision_wording import spine_in_words
from assembly_line.release import Release

# Rises when the same declaration comes to mean other rows.
TABLES_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTable:
    """A table with everything looked up that it is made of.

    Args:
        definition: digest of everything that determines its rows.
        description: what its rows are, for the catalog.
        columns: column -> type, in order, without the partition's.
        snapshots: source -> digest.
        work: for an aggregate what is read of its source, for a wide table the plan of its rows.
    """

    name: str
    definition: str
    description: str
    columns: Mapping[str, str]
    snapshots: Mapping[str, str]
    work: tuple[AggregateTable, Input] | Plan


def sources_of_table(line: Line, table: Table) -> tuple[str, ...]:
    """Names of the loaded sources whose snapshots `planned_table` takes."""
    return (table.source.name,) if isinstance(table, AggregateTable) else sources_of(line, table)


def planned_table(release: Release, table: Table, snapshots: Mapping[str, Snapshot]) -> PlannedTable:
    """Resolve a table of a released line.

    Raises:
        RequestRefused: a source is not as declared, or there are more occasions or rows than are built.
    """
    if isinstance(table, AggregateTable):
        return _aggregate(release.line, table, snapshots[table.source.name])
    plan = wide_plan(release.line, table, release=release.digest, snapshots=snapshots, scripts=release.script_digests)
    return PlannedTable(
        name=table.name,
        definition=digest({"version": TABLES_VERSION, "rows": plan.dataset_id}),
        description=spine_in_words(plan.line.decision),
        columns=columns_of(plan),
        snapshots={name: part.snapshot for name, part in plan.inputs.items()},
        work=plan,
    )


def _aggregate(line: Line, table: AggregateTable, snapshot: Snapshot) -> PlannedTable:
    declared = line_to_json(line)
    (content,) = [one for one in declared["line"]["tables"] if one["name"] == table.name]
    rows = {name: value for name, value in content.items() if name != "refresh"}
    source = {name: value for name, value in declared["sources"][table.source.name].items() if name != "description"}
    determined = {"version": TABLES_VERSION, "table": rows, "source": source, "snapshot": snapshot.digest}
    read = Input(
        snapshot=snapshot.digest, newest=snapshot.newest, columns=columns_read(table), objects=snapshot.objects
    )
    return PlannedTable(
        name=table.name,
        definition=digest(determined),
        description=f"{table.source.name} by {table.period}",
        columns=columns_written(table),
        snapshots={table.source.name: snapshot.digest},
        work=(table, read),
    )
