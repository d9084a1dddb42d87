"""From a request to a plan: names checked, defaults resolved, objects pruned, the engine chosen. No AWS."""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.columns import DECIMAL, DECIMAL_DIGITS
from assembly_line.features.dataset_ids import dataset_id_of
from assembly_line.features.memory import estimated_mib
from assembly_line.features.plans import ChosenEngine, Estimate, Input, Plan
from assembly_line.features.sampling import sampling_of
from assembly_line.features.selection import resolved_features
from assembly_line.features.shapes.checking import check_wish
from assembly_line.features.snapshots import Snapshot, SnapshotObject
from assembly_line.features.spine_planning import check_exact, spine_bounds, spine_rows
from assembly_line.features.workload import TimedGroup, Workload, source_columns, workload_of
from assembly_line.instants import format_instant, to_micros
from assembly_line.model_types import Shaped
from assembly_line.requests import DatasetRequest

# Share of a machine's memory that a build may plan with.
MEMORY_SHARE = 0.6

Bounds = tuple[int | None, int | None]


def needed_sources(line: Line, request: DatasetRequest) -> dict[str, tuple[str, ...]]:
    """Source -> columns that the request reads.

    Raises:
        RequestRefused: the request names a feature that the line does not declare.
    """
    workload = workload_of(line, resolved_features(line, request))
    return source_columns(line, workload, with_outcome=request.purpose == "training")


def make_plan(
    request: DatasetRequest,
    line: Line,
    *,
    release: str,
    snapshots: Mapping[str, Snapshot],
    memory_mib: int,
    scripts: Mapping[str, str] | None = None,
    has_arrow: bool = False,
) -> Plan:
    """Resolve a request.

    Args:
        release: digest of the release that `line` was read from.
        snapshots: of each source in `needed_sources`.
        memory_mib: memory of the one-machine engine.
        scripts: name -> digest, of the release's scripts.
        has_arrow: whether the one-machine engine has pyarrow, which own functions need; a Lambda has not.

    Raises:
        RequestRefused: the request names an unknown feature, a column that no engine can hold, a type of model that the
            line's datasets do not suit, or an engine that cannot run the line's own functions.
    """
    if isinstance(request.model, Shaped):
        check_wish(request.model, line)
    features = resolved_features(line, request)
    workload = workload_of(line, features)
    columns = source_columns(line, workload, with_outcome=request.purpose == "training")
    check_exact(line, snapshots)
    bounds = _time_bounds(line, workload, request)
    inputs = {
        name: _input(line, snapshots[name], read, bounds.get(name, (None, None))) for name, read in columns.items()
    }
    period = {
        "as_of": format_instant(request.as_of),
        "from": None if request.since is None else format_instant(request.since),
        "to": None if request.until is None else format_instant(request.until),
    }
    digests = {name: part.snapshot for name, part in inputs.items()}
    estimate = _estimate(line, workload, inputs, spine_rows(line, request, inputs))
    sampling = sampling_of(line, request)
    engine, reason = _engine(request, estimate, memory_mib)
    if workload.scripts and not has_arrow:
        engine, reason = _with_own_functions(request, workload)
    used = {name: (scripts or {})[name] for name in workload.scripts}
    return Plan(
        dataset_id=dataset_id_of(
            line, features, period, digests, purpose=request.purpose, sampling=sampling, scripts=used
        ),
        line=line,
        release=release,
        purpose=request.purpose,
        as_of=request.as_of,
        since=request.since,
        until=request.until,
        features=features,
        inputs=inputs,
        estimate=estimate,
        engine=engine,
        reason=reason,
        scripts=used,
        sampling=sampling,
    )


def _time_bounds(line: Line, workload: Workload, request: DatasetRequest) -> dict[str, Bounds]:
    """Source -> (least, greatest) event time in microseconds that the dataset can depend on; None where open."""
    starts = [to_micros(start) for start in (request.since, line.decision.history_since) if start is not None]
    first = max(starts) if starts else None
    last = to_micros(min(request.as_of, request.until) if request.until is not None else request.as_of)
    bounds: dict[str, Bounds] = {line.decision.source.name: spine_bounds(line.decision, request)}
    for source in workload.sources.values():
        # A view's row may rest on any row of its inputs.
        bounds |= {read.name: (None, None) for read in source.inputs}
    for group in workload.timed:
        lower = _group_lower(group, first)
        bounds[group.source.name] = _wider(bounds.get(group.source.name), (lower, last))
    if request.purpose == "training":
        # A mature outcome lies after its decision, and its horizon ended by as_of.
        outcome = line.outcome.source.name
        bounds[outcome] = _wider(bounds.get(outcome), (first, to_micros(request.as_of)))
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
        _check_column(snapshot, column, declared[column])
    objects = tuple(item for item in snapshot.objects if _touches(item, bounds))
    return Input(
        snapshot=snapshot.digest,
        newest=snapshot.newest,
        columns={column: declared[column] for column in read},
        objects=objects,
        drift=snapshot.drift,
    )


def _check_column(snapshot: Snapshot, column: str, kind: str) -> None:
    found = snapshot.columns.get(column)
    if found != kind:
        raise RequestRefused(
            f"source {snapshot.source}: column {column} is {found} in the lake, but the line declares {kind}; "
            "load it again with `line sources load`"
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


def _estimate(line: Line, workload: Workload, inputs: Mapping[str, Input], spine_rows: int) -> Estimate:
    timed = {source.name for group in workload.timed for source in group.source.loaded}
    rows = {name: sum(item.rows for item in part.objects) for name, part in inputs.items()}
    objects = [item for part in inputs.values() for item in part.objects]
    return Estimate(
        bytes=sum(item.bytes for item in objects),
        events=sum(rows[name] for name in timed),
        spine_rows=spine_rows,
        memory_mib=estimated_mib(line, workload, rows, spine_rows),
    )


def _engine(request: DatasetRequest, estimate: Estimate, memory_mib: int) -> tuple[ChosenEngine, str]:
    bound = int(memory_mib * MEMORY_SHARE)
    reading = f"{estimate.events} events and {estimate.spine_rows} spine rows need about {estimate.memory_mib} MiB"
    if request.engine != "auto":
        parts = "; sources are read by parts of their entities" if request.engine == "duckdb" else ""
        how = parts if estimate.memory_mib > bound else ""
        return request.engine, f"{request.engine} was asked for; {reading}{how}"
    if estimate.memory_mib <= bound:
        return "duckdb", f"{reading}, within the {bound} MiB of one machine"
    return "spark", f"{reading}, more than the {bound} MiB of one machine"


def _with_own_functions(request: DatasetRequest, workload: Workload) -> tuple[ChosenEngine, str]:
    """The engine whose workers have pyarrow."""
    why = (
        f"own functions ({', '.join(workload.scripts)}) take Arrow tables, which the one-machine engine's Lambda lacks"
    )
    if request.engine == "duckdb":
        raise RequestRefused(f"engine: 'duckdb': {why}; leave engine out or ask for spark")
    return "spark", why
