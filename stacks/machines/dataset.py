"""The dataset machine: plan, build once on the engine that the plan names, quality gate, manifest, model inputs.

A request that only asks for an explanation is answered by the first task, and announces nothing: no work item begins.
Of equal requests at the same time one claims the dataset and builds. The others look again until its manifest exists,
or until whoever held the claim has ended without one, which frees the claim by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.names import GlueArgument
from stacks.machines.states import choose, expression, invoke, machine, run_glue_job, wait
from stacks.machines.station_events import Announcer

PLAN_SECONDS = 120
CLAIM_SECONDS = 120
BUILD_SECONDS = 900
FINISH_SECONDS = 900
INPUTS_SECONDS = 900
# What queueing for capacity and the other steps take beside a build on Spark.
AROUND_SECONDS = 2 * 3600
REQUEST = "$states.context.Execution.Input"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetParts:
    """What the machine calls: ARNs of functions, the Glue job's name and its buckets."""

    explain: str
    plan: str
    claim: str
    build: str
    finish: str
    inputs: str
    glue_job: str
    lake_bucket: str
    store_bucket: str
    spark_minutes: int


def limit_seconds(spark_minutes: int) -> int:
    """The machine's time limit: to wait for another's build that fails in the end, and then to build."""
    return 2 * (spark_minutes * 60 + AROUND_SECONDS)


def definition(parts: DatasetParts, announcer: Announcer) -> dict[str, Any]:
    limit = limit_seconds(parts.spark_minutes)
    plan_key = {"plan_key": expression("$plan.plan_key")}
    states = {
        "ExplainOnly": choose((f"{REQUEST}.explain = true", "Explain"), otherwise="AnnounceStarted"),
        "Explain": invoke(
            parts.explain,
            expression(REQUEST),
            assign="explanation",
            then=None,
            seconds=PLAN_SECONDS,
            output=expression("$states.result.Payload"),
        ),
        "AnnounceStarted": announcer.state("queued", "started", then="Plan"),
        "Plan": _plan(parts),
        "AlreadyBuilt": choose(("$plan.exists", "Finish"), otherwise="Claim"),
        "Claim": _claim(parts, lease_seconds=limit),
        "Claimed": choose(
            ("$claim.state = 'built'", "Finish"), ("$claim.state = 'wait'", "WaitForOther"), otherwise="WhichEngine"
        ),
        "WaitForOther": wait("$claim.wait_seconds", then="Claim"),
        "WhichEngine": choose(("$plan.engine = 'spark'", "BuildWithSpark"), otherwise="Build"),
        "Build": invoke(parts.build, plan_key, assign="built", then="Finish", seconds=BUILD_SECONDS),
        "BuildWithSpark": run_glue_job(
            parts.glue_job, _arguments(parts, plan_key), then="Finish", minutes=parts.spark_minutes
        ),
        "Finish": invoke(
            parts.finish,
            {**plan_key, "built": expression("$built")},
            assign="dataset",
            then="WhichInputs",
            seconds=FINISH_SECONDS,
        ),
        "WhichInputs": choose(("$plan.model != null", "PrepareInputs"), otherwise="AnnounceFinished"),
        "PrepareInputs": invoke(
            parts.inputs,
            {**plan_key, "model": expression("$plan.model"), "dataset": expression("$dataset")},
            assign="dataset",
            then="AnnounceFinished",
            seconds=INPUTS_SECONDS,
        ),
        "AnnounceFinished": announcer.state("finished", then=None, output="$dataset"),
    }
    return machine(
        states,
        seconds=limit,
        comment="A dataset on demand: the same request gives the same dataset",
    )


def _plan(parts: DatasetParts) -> dict[str, Any]:
    plan = invoke(parts.plan, expression(REQUEST), assign="plan", then="AlreadyBuilt", seconds=PLAN_SECONDS)
    plan["Assign"]["built"] = expression("null")
    return plan


def _claim(parts: DatasetParts, *, lease_seconds: int) -> dict[str, Any]:
    """The lease outlasts the execution, which the machine's own time limit ends."""
    wanted = {
        "line": expression("$plan.line"),
        "dataset_id": expression("$plan.dataset_id"),
        "holder": expression("$states.context.Execution.Id"),
        "lease_seconds": lease_seconds,
    }
    return invoke(parts.claim, wanted, assign="claim", then="Claimed", seconds=CLAIM_SECONDS)


def _arguments(parts: DatasetParts, plan_key: dict[str, str]) -> dict[str, str]:
    return {
        f"--{GlueArgument.LAKE_BUCKET}": parts.lake_bucket,
        f"--{GlueArgument.STORE_BUCKET}": parts.store_bucket,
        f"--{GlueArgument.PLAN_KEY}": plan_key["plan_key"],
    }
