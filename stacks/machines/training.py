"""The training machine: dataset, isolated training, evaluation on later time, refit, registry, review, champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.names import Phase
from stacks.machines.attempts import CHILD_NAME, RESULT, Step, attempt_states, build_dataset, first_attempt
from stacks.machines.sagemaker import create_model, train, transform
from stacks.machines.states import DAY, State, States, await_token, choose, expression, invoke, known, machine
from stacks.machines.station_events import Announcer

REVIEW_SECONDS = 14 * DAY
LIMIT_SECONDS = 28 * DAY
BEGIN_SECONDS = 60
PREPARE_SECONDS = 600
PACKAGE_SECONDS = 300
EVALUATE_SECONDS = 600
CONCLUDE_SECONDS = 60
PROMOTE_SECONDS = 60
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
    promote: str
    attend: str
    dataset_machine: str
    dataset_seconds: int
    key: str


def definition(parts: TrainingParts, announcer: Announcer) -> dict[str, Any]:
    environment = announcer.environment
    begin = invoke(parts.begin, STARTED, assign="context", then="BuildDataset", seconds=BEGIN_SECONDS)
    begin["Assign"]["promoted"] = {"champion": False}
    begin["Assign"] |= first_attempt("BuildDataset", "execution", CHILD_NAME)
    fits = [
        FitStates(Phase.JUDGED, "", parts, environment, then="Evaluate"),
        FitStates(Phase.FINAL, "Final", parts, environment, then="Register"),
    ]
    judged, final = (fit.states() for fit in fits)
    dataset = Step(state="BuildDataset", then="Prepare", assign={"dataset": expression(RESULT)})
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Begin"),
        "Begin": begin,
        "BuildDataset": build_dataset(parts.dataset_machine, then="Prepare", seconds=parts.dataset_seconds),
        **judged,
        "Evaluate": _judge(Phase.JUDGED, parts, then="Passed"),
        "Passed": choose(("$count($evaluated.blocked) > 0", "DidNotPass"), otherwise="Refit"),
        "DidNotPass": invoke(
            parts.request_review,
            known("context", "dataset", "evaluated"),
            assign="concluded",
            then="AnnounceSentBack",
            seconds=CONCLUDE_SECONDS,
        ),
        "Refit": choose(("$evaluated.refit", "PrepareFinal"), otherwise="AnnounceWaiting"),
        **final,
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
        "Approved": choose(("$concluded.decision = 'approve'", "Promote"), otherwise="AnnounceSentBack"),
        "Promote": invoke(
            parts.promote,
            expression("$concluded.promotion"),
            assign="promoted",
            then="AnnounceFinished",
            seconds=PROMOTE_SECONDS,
        ),
        "AnnounceFinished": announcer.state("finished", then=None, output=_OUTPUT),
        "AnnounceSentBack": announcer.state("sent_back", then=None, output=_OUTPUT, cause="$concluded.reason"),
        **attempt_states(parts.attend, [dataset, *fits[0].steps(), *fits[1].steps()], announcer),
    }
    return machine(states, seconds=LIMIT_SECONDS, comment="One training run, from its dataset to a reviewed champion")


@dataclass(frozen=True)
class FitStates:
    """Fit, package and ask one model: five states, which leave `prepared` and `packaged` of this fit.

    The final fit has states of its own, so that an execution's picture shows how far it is.
    """

    phase: Phase
    suffix: str
    parts: TrainingParts
    environment: str
    then: str

    @property
    def _score(self) -> str:
        return f"Score{self.suffix or 'Holdout'}"

    @property
    def _create(self) -> str:
        return f"Create{self.suffix}Model"

    def steps(self) -> list[Step]:
        """The states that start a job."""
        return [
            Step(state=f"Train{self.suffix}", then=f"Package{self.suffix}", assign={"artifact": expression(RESULT)}),
            Step(state=self._create, then=self._score, assign=self._scored()),
            Step(state=self._score, then=self.then),
        ]

    def states(self) -> States:
        prepare, train_, package = (f"{name}{self.suffix}" for name in ("Prepare", "Train", "Package"))
        parts, environment = self.parts, self.environment
        prepared = invoke(
            parts.prepare,
            {"phase": self.phase.value, **known("context", "dataset")},
            assign="prepared",
            then=train_,
            seconds=PREPARE_SECONDS,
        )
        prepared["Assign"] |= first_attempt(train_, "training", "$states.result.Payload.job_name")
        packaged = invoke(
            parts.package,
            {"phase": self.phase.value, **known("context", "prepared"), "model_artifact": expression("$artifact")},
            assign="packaged",
            then=self._create,
            seconds=PACKAGE_SECONDS,
        )
        packaged["Assign"] |= first_attempt(self._create, "model", "$states.result.Payload.model_name")
        return {
            prepare: prepared,
            train_: train("prepared", key=parts.key, environment=environment, assign="artifact", then=package),
            package: packaged,
            self._create: create_model("packaged", environment=environment, assign=self._scored(), then=self._score),
            self._score: self._transform(),
        }

    def _scored(self) -> dict[str, Any]:
        return first_attempt(self._score, "transform", "$packaged.transform_job_name")

    def _transform(self) -> State:
        return transform(
            model_name="$packaged.model_name",
            input_uri="$prepared.holdout_input_uri",
            output_uri="$prepared.holdout_output_uri",
            instance_type="$prepared.transform_instance_type",
            local_storage="$prepared.transform_local_storage",
            timeout_seconds="$prepared.timeout_seconds",
            output_filter="$prepared.output_filter",
            key=self.parts.key,
            environment=self.environment,
            then=self.then,
        )


def _judge(phase: Phase, parts: TrainingParts, *, then: str) -> State:
    payload = {"phase": phase.value, **known("context", "dataset")}
    return invoke(parts.evaluate, payload, assign="evaluated", then=then, seconds=EVALUATE_SECONDS)


_OUTPUT = (
    "$merge([{'run_id': $context.run_id, 'line': $context.line, 'dataset_id': $dataset.dataset_id, "
    "'metrics': $evaluated.metrics, 'model_package_arn': $evaluated.model_package_arn, "
    "'decision': $concluded.decision}, $promoted])"
)
