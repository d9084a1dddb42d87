"""What a plan reads of each source: columns, objects of the times that matter, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.model.memory import estimated_mib
from assembly_line.features.model.plans import Asked, Estimate, Input
from assembly_line.features.model.snapshots import Snapshot, SnapshotObject
from assembly_line.features.model.workload import TimedGroup, Workload, source_columns
from assembly_line.features.planning.spine_planning import check_exact, spine_bounds
from assembly_line.features.values.columns import DECIMAL, DECIMAL_DIGITS
from assembly_line.instants import to_micros

Bounds = tuple[int | None, int | None]


def planned_inputs(line: Line, workload: Workload, asked: Asked, snapshots: Mapping[str, Snapshot]) -> dict[str, Input]:
    """Source -> what is read of it.

    Raises:
        RequestRefused: a column is not as declared, or holds what no engine can; times of the spine are inexact.
    """
    columns = source_columns(line, workload, with_outcome=asked.purpose == "training")
    check_exact(line, snapshots)
    bounds = _time_bounds(line, workload, asked)
    return {name: _input(line, snapshots[name], read, bounds.get(name, (None, None))) for name, read in columns.items()}


def _time_bounds(line: Line, workload: Workload, asked: Asked) -> dict[str, Bounds]:
    """Source -> (least, greatest) event time in microseconds that the dataset can depend on; None where open."""
    starts = [to_micros(start) for start in (asked.since, line.decision.history_since) if start is not None]
    first = max(starts) if starts else None
    last = to_micros(min(asked.as_of, asked.until) if asked.until is not None else asked.as_of)
    bounds: dict[str, Bounds] = {line.decision.source.name: spine_bounds(line.decision, asked)}
    for source in workload.sources.values():
        # A view's row may rest on any row of its inputs.
        bounds |= {read.name: (None, None) for read in source.inputs}
    for group in workload.timed:
        lower = _group_lower(group, first)
        bounds[group.source.name] = _wider(bounds.get(group.source.name), (lower, last))
    if asked.purpose == "training" and line.outcome.value is None:
        # A mature outcome lies after its decision, and its horizon ended by as_of.
        outcome = line.outcome.source.name
        bounds[outcome] = _wider(bounds.get(outcome), (first, to_micros(asked.as_of)))
    return bounds


def _group_lower(group: TimedGroup, first: int | None) -> int | None:
    return None if first is None or group.reach is None else first - group.reach


def _wider(known: Bounds | None, other: Bounds) -> Bounds:
    if known is None:
        return other
    lower = None if known[0] is None or other[0] is None else min(known[0], other[0])
    upper = None if known[1] is None or other[1] is None else max(known[1], other[1])
    return lower, upper


def _input(line: Line, snapshot: Snapshot, read: tuple[str, ...], bounds: Bounds) -> Input:
    declared = line.sources[snapshot.source].columns
    for column in read:
        _check_column(line.name, snapshot, column, declared[column])
    objects = tuple(item for item in snapshot.objects if _touches(item, bounds))
    return Input(
        snapshot=snapshot.digest,
        newest=snapshot.newest,
        columns={column: declared[column] for column in read},
        objects=objects,
        drift=snapshot.drift,
        earlier=snapshot.earlier,
    )


def _check_column(line: str, snapshot: Snapshot, column: str, kind: str) -> None:
    found = snapshot.columns.get(column)
    if found != kind:
        raise RequestRefused(
            f"source {snapshot.source}: column {column} is {found} in the lake, but the line declares {kind}; "
            f"load it again with `line sources load {line}`"
        )
    decimal = DECIMAL.fullmatch(kind)
    if decimal and int(decimal.group(1)) > DECIMAL_DIGITS:
        raise RequestRefused(
            f"source {snapshot.source}: column {column} is {kind}; "
            f"at most {DECIMAL_DIGITS} digits are exact: declare fewer"
        )


def _touches(item: SnapshotObject, bounds: Bounds) -> bool:
    lower, upper = bounds
    if item.min_time is None or item.max_time is None:
        return True
    return (lower is None or item.max_time >= lower) and (upper is None or item.min_time <= upper)


def estimate_of(
    line: Line, workload: Workload, inputs: Mapping[str, Input], spine_rows: int, *, with_outcome: bool
) -> Estimate:
    """What building will read and take, as far as the snapshots tell."""
    timed = {source.name for group in workload.timed for source in group.source.loaded}
    rows = {name: sum(item.rows for item in part.objects) for name, part in inputs.items()}
    objects = [item for part in inputs.values() for item in part.objects]
    return Estimate(
        bytes=sum(item.bytes for item in objects),
        events=sum(rows[name] for name in timed),
        spine_rows=spine_rows,
        memory_mib=estimated_mib(line, workload, rows, spine_rows, with_outcome=with_outcome),
    )
