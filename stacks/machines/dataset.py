"""The dataset machine: validate and plan, build on the engine that the plan names, quality gate, manifest, shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.names import GlueArgument
from stacks.machines.states import choose, expression, invoke, machine, run_glue_job
from stacks.machines.station_events import Announcer

LIMIT_SECONDS = 3 * 3600
PLAN_SECONDS = 120
BUILD_SECONDS = 900
FINISH_SECONDS = 300
SHAPE_SECONDS = 900
REQUEST = "$states.context.Execution.Input"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetParts:
    """What the machine calls: ARNs of functions, the Glue job's name and its buckets."""

    plan: str
    build: str
    finish: str
    shape: str
    glue_job: str
    lake_bucket: str
    store_bucket: str
    spark_minutes: int


def definition(parts: DatasetParts, announcer: Announcer) -> dict[str, Any]:
    plan_key = {"plan_key": expression("$plan.plan_key")}
    arguments = {
        f"--{GlueArgument.LAKE_BUCKET}": parts.lake_bucket,
        f"--{GlueArgument.STORE_BUCKET}": parts.store_bucket,
        f"--{GlueArgument.PLAN_KEY}": plan_key["plan_key"],
    }
    plan = invoke(parts.plan, expression(REQUEST), assign="plan", then="WhichEngine", seconds=PLAN_SECONDS)
    plan["Assign"]["built"] = expression("null")
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Plan"),
        "Plan": plan,
        "WhichEngine": choose(
            ("$plan.exists", "Finish"), ("$plan.engine = 'spark'", "BuildWithSpark"), otherwise="Build"
        ),
        "Build": invoke(parts.build, plan_key, assign="built", then="Finish", seconds=BUILD_SECONDS),
        "BuildWithSpark": run_glue_job(parts.glue_job, arguments, then="Finish", minutes=parts.spark_minutes),
        "Finish": invoke(
            parts.finish,
            {**plan_key, "built": expression("$built")},
            assign="dataset",
            then="WhichShape",
            seconds=FINISH_SECONDS,
        ),
        "WhichShape": choose(("$plan.model != null", "Shape"), otherwise="AnnounceFinished"),
        "Shape": invoke(
            parts.shape,
            {**plan_key, "model": expression("$plan.model"), "dataset": expression("$dataset")},
            assign="dataset",
            then="AnnounceFinished",
            seconds=SHAPE_SECONDS,
        ),
        "AnnounceFinished": announcer.state("finished", then=None, output="$dataset"),
    }
    return machine(
        states,
        announce_failed=announcer.state("failed", then="Failed"),
        seconds=LIMIT_SECONDS,
        comment="A dataset on demand: the same request gives the same dataset",
    )
