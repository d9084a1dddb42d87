"""What a planned dataset would read, take and cost: told before anything runs, and labelled an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.features.model.plans import Plan, estimate_to_json
from assembly_line.features.model.snapshots import Snapshot, SnapshotObject
from assembly_line.features.model.workload import TimedGroup, workload_of
from assembly_line.features.sources.joins import join_of_everything
from assembly_line.instants import format_instant

SCHEMA = "assembly-line/dataset-explanation"
VERSION = 1
MIB = 1 << 20

# List prices in USD of us-east-1, without free tier or discount: aws.amazon.com/lambda/pricing (x86) and
# aws.amazon.com/glue/pricing (Spark jobs, billed by the second, at least one minute).
LAMBDA_GB_SECOND = 0.0000166667
GLUE_DPU_HOUR = 0.44
GLUE_LEAST_SECONDS = 60.0
PRICES = (
    "list prices of us-east-1: Lambda 0.0000166667 USD a GB-second, Glue 0.44 USD a DPU-hour of at least one minute"
)

# Calibrated on all cases of benchmarks/results.json, where they are within a factor of three of processor time;
# on Spark of seconds on two cores.
VALUES_A_SECOND = 6e6
LEAST_SECONDS = 0.25
SPARK_VALUES_A_CORE_SECOND = 0.5e6
CORES_A_DPU = 4
# What S3 gives one function, and what planning, the gate and the manifest take beside building.
BYTES_A_SECOND = 50e6
AROUND_SECONDS = 2.0
# A Glue run starts its workers first.
GLUE_START_SECONDS = 60.0
MEASURED = (
    "throughput of benchmarks/results.json, all cases, which it tells to a factor of three; UDFs and stddev "
    "take longer, since they list the events of each window"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """What the engines run on.

    Args:
        memory_mib: memory of the function that builds on one machine.
        spark_dpus: capacity of the Glue job, all workers together.
    """

    memory_mib: int
    spark_dpus: float


def forecast(
    plan: Plan, snapshots: Mapping[str, Snapshot], machinery: Machinery, *, created: str | None
) -> dict[str, Any]:
    """Explain a plan, as JSON values.

    Args:
        snapshots: of the sources that the plan reads, whole.
        created: when the dataset was finished; None if it does not exist.
    """
    seconds = _seconds(plan, machinery)
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "dataset_id": plan.dataset_id,
        "line": plan.line.name,
        "release": plan.release,
        "purpose": plan.purpose,
        "as_of": format_instant(plan.as_of),
        "from": None if plan.since is None else format_instant(plan.since),
        "to": None if plan.until is None else format_instant(plan.until),
        "exists": created is not None,
        "created": created,
        "features": list(plan.features),
        "engine": plan.engine,
        "reason": plan.reason,
        "joins": {group.name: _join(plan, group) for group in workload_of(plan.line, plan.features).timed},
        "sources": [_source(plan, snapshot) for snapshot in snapshots.values()],
        "estimate": {
            **estimate_to_json(plan.estimate),
            "seconds": round(seconds, 1),
            "usd": round(_usd(plan, machinery, seconds), 6),
        },
        "basis": {"seconds": MEASURED, "usd": PRICES},
    }


def _join(plan: Plan, group: TimedGroup) -> str:
    join = join_of_everything(group)
    if plan.engine == "spark" or group.reach is None:
        return join
    return f"{join}, or range join if decisions look at less than four fifths of their entities' time"


def _source(plan: Plan, snapshot: Snapshot) -> dict[str, Any]:
    read = plan.inputs[snapshot.source]
    return {
        "source": snapshot.source,
        "snapshot": snapshot.digest,
        "newest_event": None if snapshot.newest is None else format_instant(snapshot.newest),
        "columns": list(read.columns),
        "read": _amount(read.objects),
        "pruned": _amount([item for item in snapshot.objects if item not in set(read.objects)]),
    }


def _amount(objects: tuple[SnapshotObject, ...] | list[SnapshotObject]) -> dict[str, int]:
    return {
        "objects": len(objects),
        "bytes": sum(item.bytes for item in objects),
        "rows": sum(item.rows for item in objects),
    }


def building_seconds(plan: Plan, *, spark_cores: float) -> float:
    """What reading, computing and writing take, without what is around them.

    Args:
        spark_cores: on which Spark computes, if the plan is for it.
    """
    if plan.engine == "duckdb":
        return LEAST_SECONDS + _values(plan) / VALUES_A_SECOND
    return _values(plan) / (SPARK_VALUES_A_CORE_SECOND * spark_cores)


def _values(plan: Plan) -> int:
    """Values that are read and written: what time grows with."""
    read = sum(len(part.columns) * sum(item.rows for item in part.objects) for part in plan.inputs.values())
    # Beside features and keys each decision has its id and its time.
    return read + plan.estimate.spine_rows * (len(plan.features) + len(plan.line.decision.keys) + 2)


def _seconds(plan: Plan, machinery: Machinery) -> float:
    # One worker of Spark drives the others.
    building = building_seconds(plan, spark_cores=max(machinery.spark_dpus - 1, 1) * CORES_A_DPU)
    if plan.engine == "duckdb":
        return AROUND_SECONDS + plan.estimate.bytes / BYTES_A_SECOND + building
    return AROUND_SECONDS + GLUE_START_SECONDS + building


def _usd(plan: Plan, machinery: Machinery, seconds: float) -> float:
    if plan.engine == "duckdb":
        return seconds * machinery.memory_mib / 1024 * LAMBDA_GB_SECOND
    return max(seconds, GLUE_LEAST_SECONDS) / 3600 * machinery.spark_dpus * GLUE_DPU_HOUR
