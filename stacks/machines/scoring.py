"""The scoring machine: spine and features for a date, the model's answers, checks and policy, ledger, delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stacks.machines.attempts import CHILD_NAME, Attempts, Step, build_dataset
from stacks.machines.sagemaker import or_transform, score_in_function, transform, who_scores
from stacks.machines.states import DAY, choose, each, expression, invoke, known, machine, wait
from stacks.machines.station_events import Announcer
from stacks.machines.training import STARTED

LIMIT_SECONDS = 3 * DAY
BEGIN_SECONDS = 60
PREPARE_SECONDS = 600
PUBLISH_SECONDS = 600
DELIVER_SECONDS = 900
# Between two looks at whether deliveries are still paused.
LOOK_AGAIN_SECONDS = 300
# The label of the map, which the names of its executions carry.
SHARDS = "Shards"
# Shards that may fail while the others go on: the next state sends them by itself, or lists them.
FAILED_PERCENT, FAILED_SHARDS = 5, 5
# Of a run that asks no model.
_UNASKED = {"scored_by": None, "scored_by_because": "nobody is decided on"}
_NOTHING = {"offered": 0, "delivered": 0, "quarantined": 0, "dead_lettered": 0, "withheld": 0}
_OUTPUT = (
    "$merge([{'run_id': $context.run_id, 'line': $context.line, 'dataset_id': $dataset.dataset_id, "
    "'scored_by': $prepared.scored_by, 'scored_by_because': $prepared.scored_by_because}, $report])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringParts:
    """What the machine calls, by ARN; the dataset machine's time limit; the key for what SageMaker writes.

    Args:
        publishers: how many functions send at once.
    """

    begin: str
    prepare: str
    score: str
    publish: str
    deliver: str
    attend: str
    dataset_machine: str
    dataset_seconds: int
    key: str
    publishers: int


def definition(parts: ScoringParts, announcer: Announcer) -> dict[str, Any]:
    attempts = Attempts()
    begin = invoke(parts.begin, STARTED, assign="context", then="BuildDataset", seconds=BEGIN_SECONDS)
    begin["Assign"] |= {
        "report": _NOTHING,
        "prepared": _UNASKED,
        **attempts.first("BuildDataset", "execution", CHILD_NAME),
    }
    prepare = invoke(
        parts.prepare, known("context", "dataset"), assign="prepared", then="WhoScores", seconds=PREPARE_SECONDS
    )
    prepare["Assign"] |= attempts.first("Score", "transform", "$states.result.Payload.job_name")
    steps = [
        Step(state="BuildDataset", then="AnyDecisions", assign={"dataset": expression(attempts.result)}),
        Step(state="Score", then="Publish"),
    ]
    in_function = score_in_function(
        parts.score,
        {
            name: f"$prepared.{name}"
            for name in ("input_uri", "output_uri", "archive_uri", "digest", "image", "program")
        },
        output_filter="$prepared.output_filter",
        then="Publish",
    )
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Begin"),
        "Begin": begin,
        "BuildDataset": build_dataset(
            parts.dataset_machine, attempts, then="AnyDecisions", seconds=parts.dataset_seconds
        ),
        "AnyDecisions": choose(("$dataset.rows = 0", "AnnounceFinished"), otherwise="Prepare"),
        "Prepare": prepare,
        "WhoScores": who_scores(forced="ScoreInFunction", tried="TryFunction", otherwise="Score"),
        "ScoreInFunction": in_function,
        "TryFunction": or_transform(in_function, then="Score"),
        "Score": transform(
            attempts,
            model_name="$prepared.model_name",
            input_uri="$prepared.input_uri",
            output_uri="$prepared.output_uri",
            instance_type="$prepared.instance_type",
            local_storage="$prepared.local_storage",
            timeout_seconds="$prepared.timeout_seconds",
            output_filter="$prepared.output_filter",
            key=parts.key,
            environment=announcer.environment,
            then="Publish",
        ),
        "Publish": invoke(
            parts.publish,
            known("context", "dataset", "prepared"),
            assign="published",
            then="InOneCall",
            seconds=PUBLISH_SECONDS,
        ),
        "InOneCall": choose(("$published.in_one_call", "Deliver"), otherwise="DeliverShards"),
        "DeliverShards": each(
            "$published.shards",
            function=parts.deliver,
            given={"context": "$context", "shard": "$states.context.Map.Item.Value"},
            state="DeliverShard",
            label=SHARDS,
            at_once=parts.publishers,
            failed=(FAILED_PERCENT, FAILED_SHARDS),
            then="Deliver",
            seconds=DELIVER_SECONDS,
        ),
        "Deliver": invoke(
            parts.deliver,
            {**known("context", "published"), "may_wait": True},
            assign="report",
            then="Delivered",
            seconds=DELIVER_SECONDS,
        ),
        "Delivered": choose(("$report.waits = true", "AwaitDelivery"), otherwise="AnnounceFinished"),
        "AwaitDelivery": wait(str(LOOK_AGAIN_SECONDS), then="InOneCall"),
        "AnnounceFinished": announcer.state("finished", then=None, output=_OUTPUT),
        **attempts.states(parts.attend, steps, announcer),
    }
    return machine(
        states,
        seconds=LIMIT_SECONDS,
        comment="Decisions scored by the champion and delivered: offered = delivered + quarantined + dead-lettered",
    )
