"""From a request to a plan: names checked, defaults resolved, objects pruned, the engine chosen. No AWS."""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.model.dataset_ids import dataset_id_of
from assembly_line.features.model.memory import MEMORY_SHARE
from assembly_line.features.model.plans import ChosenEngine, Estimate, Plan
from assembly_line.features.model.selection import resolved_features
from assembly_line.features.model.snapshots import Snapshot
from assembly_line.features.model.workload import Workload, source_columns, workload_of
from assembly_line.features.model_inputs.checking import check_model_spec
from assembly_line.features.planning.planned_inputs import estimate_of, planned_inputs
from assembly_line.features.planning.spine_planning import spine_rows
from assembly_line.features.spine.sampling import sampling_of
from assembly_line.instants import format_instant
from assembly_line.model_types import ModelSpecBase
from assembly_line.requests import DatasetRequest


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
        has_arrow: whether the one-machine engine has pyarrow, which UDFs need; a Lambda has not.

    Raises:
        RequestRefused: the request names an unknown feature, a column that no engine can hold, a type of model that the
            line's datasets do not suit, or an engine that cannot run the line's UDFs.
    """
    if isinstance(request.model, ModelSpecBase):
        check_model_spec(request.model, line)
    features = resolved_features(line, request)
    workload = workload_of(line, features)
    inputs = planned_inputs(line, workload, request, snapshots)
    period = {
        "as_of": format_instant(request.as_of),
        "from": None if request.since is None else format_instant(request.since),
        "to": None if request.until is None else format_instant(request.until),
    }
    digests = {name: part.snapshot for name, part in inputs.items()}
    estimate = estimate_of(
        line, workload, inputs, spine_rows(line, request, inputs), with_outcome=request.purpose == "training"
    )
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
    why = f"UDFs ({', '.join(workload.scripts)}) take Arrow tables, which the one-machine engine's Lambda lacks"
    if request.engine == "duckdb":
        raise RequestRefused(
            f"engine: 'duckdb': {why}; leave engine out or ask for spark",
            where="engine",
            value=repr("duckdb"),
            expected=repr("spark"),
        )
    return "spark", why
