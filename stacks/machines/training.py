"""The training machine: dataset, isolated training, evaluation on later time, refit, registry, review, champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.names import CHILD_SUFFIX, Phase
from stacks.machines.sagemaker import create_model, train, transform
from stacks.machines.states import (
    DAY,
    State,
    States,
    await_token,
    choose,
    expression,
    invoke,
    known,
    machine,
    run_child,
)
from stacks.machines.station_events import Announcer

REVIEW_SECONDS = 14 * DAY
LIMIT_SECONDS = 28 * DAY
BEGIN_SECONDS = 60
PREPARE_SECONDS = 600
PACKAGE_SECONDS = 300
EVALUATE_SECONDS = 600
CONCLUDE_SECONDS = 60
CHILD_NAME = f"$substring($states.context.Execution.Name, 0, {80 - len(CHILD_SUFFIX)}) & '{CHILD_SUFFIX}'"
STARTED = {
    "run_id": expression("$states.context.Execution.Name"),
    "input": expression("$states.context.Execution.Input"),
    "started_at": expression("$states.context.Execution.StartTime"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingParts:
    """What the machine calls, by ARN; the dataset machine's time limit; the key for what SageMaker writes."""

    begin: str
    prepare: str
    package: str
    evaluate: str
    request_review: str
    conclude: str
    dataset_machine: str
    dataset_seconds: int
    key: str


def definition(parts: TrainingParts, announcer: Announcer) -> dict[str, Any]:
    environment = announcer.environment
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Begin"),
        "Begin": invoke(parts.begin, STARTED, assign="context", then="BuildDataset", seconds=BEGIN_SECONDS),
        "BuildDataset": run_child(
            parts.dataset_machine,
            name=CHILD_NAME,
            request="$context.dataset_request",
            assign="dataset",
            then="Prepare",
            seconds=parts.dataset_seconds + 300,
        ),
        **fit_states(Phase.JUDGED, parts, environment, then="Evaluate"),
        "Evaluate": _judge(Phase.JUDGED, parts, then="Refit"),
        "Refit": choose(("$evaluated.refit", "PrepareFinal"), otherwise="AnnounceWaiting"),
        **fit_states(Phase.FINAL, parts, environment, then="Register"),
        "Register": _judge(Phase.FINAL, parts, then="AnnounceWaiting"),
        "AnnounceWaiting": announcer.state("waiting", then="Review", principal="$context.author"),
        "Review": await_token(
            parts.request_review,
            known("context", "dataset", "prepared", "packaged", "evaluated"),
            assign="review",
            then="Conclude",
            seconds=REVIEW_SECONDS,
        ),
        "Conclude": invoke(
            parts.conclude,
            known("context", "dataset", "prepared", "packaged", "evaluated", "review"),
            assign="concluded",
            then="Approved",
            seconds=CONCLUDE_SECONDS,
        ),
        "Approved": choose(("$concluded.decision = 'approve'", "AnnounceFinished"), otherwise="AnnounceSentBack"),
        "AnnounceFinished": announcer.state("finished", then=None, output=_OUTPUT),
        "AnnounceSentBack": announcer.state("sent_back", then=None, output=_OUTPUT),
    }
    return machine(
        states,
        announce_failed=announcer.state("failed", then="Failed"),
        seconds=LIMIT_SECONDS,
        comment="One training run, from its dataset to a reviewed champion",
    )


def fit_states(phase: Phase, parts: TrainingParts, environment: str, *, then: str) -> States:
    """Fit, package and ask one model: five states, which leave `prepared` and `packaged` of this fit.

    The final fit has states of its own, so that an execution's picture shows how far it is.
    """
    final = phase is Phase.FINAL
    prepare, train_, package = (f"{name}Final" if final else name for name in ("Prepare", "Train", "Package"))
    create, score = ("CreateFinalModel", "ScoreFinal") if final else ("CreateModel", "ScoreHoldout")
    return {
        prepare: invoke(
            parts.prepare,
            {"phase": phase.value, **known("context", "dataset")},
            assign="prepared",
            then=train_,
            seconds=PREPARE_SECONDS,
        ),
        train_: train("prepared", key=parts.key, environment=environment, assign="artifact", then=package),
        package: invoke(
            parts.package,
            {"phase": phase.value, **known("context", "prepared"), "model_artifact": expression("$artifact")},
            assign="packaged",
            then=create,
            seconds=PACKAGE_SECONDS,
        ),
        create: create_model("packaged", environment=environment, then=score),
        score: transform(
            job_name="$packaged.transform_job_name",
            model_name="$packaged.model_name",
            input_uri="$prepared.holdout_input_uri",
            output_uri="$prepared.holdout_output_uri",
            instance_type="$prepared.transform_instance_type",
            local_storage="$prepared.transform_local_storage",
            timeout_seconds="$prepared.timeout_seconds",
            key=parts.key,
            environment=environment,
            then=then,
        ),
    }


def _judge(phase: Phase, parts: TrainingParts, *, then: str) -> State:
    payload = {"phase": phase.value, **known("context", "dataset")}
    return invoke(parts.evaluate, payload, assign="evaluated", then=then, seconds=EVALUATE_SECONDS)


_OUTPUT = (
    "$merge([{'run_id': $context.run_id, 'line': $context.line, 'dataset_id': $dataset.dataset_id, "
    "'metrics': $evaluated.metrics, 'model_package_arn': $evaluated.model_package_arn}, $concluded])"
)
