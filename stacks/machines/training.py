"""The training machine: dataset, isolated fits side by side, evaluation, registry, review, champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.declarations.training.validation import FURTHER_AT_ONCE
from assembly_line.names import Phase
from stacks.machines.attempts import CHILD_NAME, Attempts, Step, build_dataset
from stacks.machines.sagemaker import create_model, or_transform, score_in_function, train, transform, tune, who_scores
from stacks.machines.states import (
    DAY,
    State,
    States,
    await_token,
    choose,
    expression,
    for_each,
    invoke,
    known,
    machine,
    side_by_side,
    succeed,
)
from stacks.machines.station_events import Announcer

# A review may wait 60 days. What comes before it has the rest.
LIMIT_SECONDS = 90 * DAY
BEGIN_SECONDS = 60
PREPARE_SECONDS = 600
PACKAGE_SECONDS = 300
EVALUATE_SECONDS = 600
CONCLUDE_SECONDS = 60
PROMOTE_SECONDS = 60
FURTHER = "Further"
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
    score: str
    evaluate: str
    request_review: str
    remind: str
    conclude: str
    promote: str
    attend: str
    dataset_machine: str
    dataset_seconds: int
    key: str


def definition(parts: TrainingParts, announcer: Announcer) -> dict[str, Any]:
    attempts = Attempts()
    begin = invoke(parts.begin, STARTED, assign="context", then="BuildDataset", seconds=BEGIN_SECONDS)
    begin["Assign"] |= {"promoted": {"champion": False}, "concluded": {"decision": "replicated"}}
    begin["Assign"] |= {"review": {}, "announced": 0}
    begin["Assign"] |= attempts.first("BuildDataset", "execution", CHILD_NAME)
    dataset = Step(state="BuildDataset", then="Searches", assign={"dataset": expression(attempts.result)})
    search = Step(state="Tune", then="TakeBest")
    judged, final, replica, each = (
        FitStates(phase, suffix, parts, announcer)
        for phase, suffix in ((Phase.JUDGED, ""), (Phase.FINAL, "Final"), (Phase.REPLICA, "Again"), (None, FURTHER))
    )
    refit = {"Refit": choose(("$context.refit", "PrepareFinal"), otherwise="NotRefitted"), "NotRefitted": succeed({})}
    repeat = {
        "Replicate": choose(("$context.replicate", "PrepareAgain"), otherwise="NotReplicated"),
        "NotReplicated": succeed({}),
    }
    further = {
        "Further": choose(("$count($context.further) > 0", "EachFurther"), otherwise="NotFurther"),
        "EachFurther": for_each("$context.further", each.states(), at_once=FURTHER_AT_ONCE),
        "NotFurther": succeed({}),
    }
    of_review = {**known("context", "dataset", "evaluated"), "packaged": expression("$delivered.packaged")}
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Begin"),
        "Begin": begin,
        "BuildDataset": build_dataset(parts.dataset_machine, attempts, then="Searches", seconds=parts.dataset_seconds),
        **_search(parts, attempts, environment=announcer.environment, then="Fits"),
        "Fits": side_by_side(
            judged.states(),
            {**refit, **final.states()},
            {**repeat, **replica.states()},
            further,
            assign={"delivered": expression("$states.result[$context.refit ? 1 : 0]"), "scored": expression(_SCORED)},
            then="Evaluate",
        ),
        "Evaluate": _judge(Phase.JUDGED, parts, then="Passed"),
        "Passed": choose(
            ("$count($evaluated.blocked) > 0", "DidNotPass"),
            ("$context.replicates ? true : false", "AnnounceFinished"),
            otherwise="Refitted",
        ),
        "DidNotPass": invoke(
            parts.request_review,
            known("context", "dataset", "evaluated"),
            assign="concluded",
            then="AnnounceSentBack",
            seconds=CONCLUDE_SECONDS,
        ),
        "Refitted": choose(("$evaluated.refit", "Register"), otherwise="AnnounceWaiting"),
        "Register": _judge(Phase.FINAL, parts, then="AnnounceWaiting"),
        "AnnounceWaiting": announcer.state("waiting", then="Reminds", principal="$context.author"),
        **_review(parts, of_review, announcer),
        "Conclude": invoke(
            parts.conclude,
            {**of_review, **known("review")},
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
        **attempts.states(parts.attend, [dataset, search], announcer),
    }
    return machine(states, seconds=LIMIT_SECONDS, comment="One training run, from its dataset to a reviewed champion")


def _review(parts: TrainingParts, payload: dict[str, Any], announcer: Announcer) -> States:
    """Wait for the judgement, and announce the wait at the declared times. Waiting costs nothing.

    Each wait has a token of its own. The last one has no other end than the judgement or the time-out, which fails the
    execution, so that it can go on there.
    """
    wait = await_token(
        parts.request_review,
        payload,
        assign="review",
        then="Conclude",
        seconds="$context.review_waits[$announced]",
    )
    # Somebody judged between two waits: nobody answers the new token.
    decided = {"ErrorEquals": ["DecidedAlready"], "Next": "Conclude"}
    over = {"ErrorEquals": ["States.Timeout"], "Next": "Remind"}
    remind = invoke(
        parts.remind,
        {**known("context"), "kind": expression("$context.review_announces[$announced]")},
        assign="reminded",
        then="AnnounceReminded",
        seconds=CONCLUDE_SECONDS,
    )
    remind["Assign"] |= {"announced": expression("$announced + 1")}
    return {
        "Reminds": choose(
            ("$announced < $count($context.review_announces)", "ReviewUntilReminder"), otherwise="Review"
        ),
        "ReviewUntilReminder": {**wait, "Catch": [over, decided]},
        "Remind": remind,
        "AnnounceReminded": announcer.state(
            "waiting", then="Reminds", cause="$reminded.says", part="'review' & $string($announced)"
        ),
        "Review": {**wait, "Catch": [decided]},
    }


@dataclass(frozen=True)
class FitStates:
    """A branch that fits, packages and asks one model. Its output is the packaged model, and who asked it.

    Each fit has states of its own, so that an execution's picture shows how far both are. Further fits share theirs.

    Args:
        phase: which fit; None for each of the further ones, whose name is the input of the first state.
        suffix: ends the names of the states.
    """

    phase: Phase | None
    suffix: str
    parts: TrainingParts
    announcer: Announcer

    def states(self) -> States:
        prepare, train_, package, scored = map(self._named, ("Prepare", "Train", "Package", "Scored"))
        forced, tried = f"{self._score}InFunction", self._named("TryFunction")
        parts, environment, attempts = self.parts, self.announcer.environment, self._attempts
        prepared = invoke(
            parts.prepare,
            {"phase": self._called("$states.input"), **known("context", "dataset")},
            assign="prepared",
            then=train_,
            seconds=PREPARE_SECONDS,
        )
        prepared["Assign"] |= attempts.first(train_, "training", "$states.result.Payload.job_name")
        prepared["Assign"] |= {"fit": expression("$states.input")} if self.phase is None else {}
        packaged = invoke(
            parts.package,
            {"phase": self._called("$fit"), **known("context", "prepared"), "model_artifact": expression("$artifact")},
            assign="packaged",
            then=self._create,
            seconds=PACKAGE_SECONDS,
        )
        packaged["Assign"] |= attempts.first(self._create, "model", "$states.result.Payload.model_name")
        return {
            prepare: prepared,
            train_: train(
                "prepared", attempts, key=parts.key, environment=environment, assign="artifact", then=package
            ),
            package: packaged,
            self._create: create_model(
                "packaged", attempts, environment=environment, assign=self._first_score(), then=self._who_scores
            ),
            self._who_scores: who_scores(forced=forced, tried=tried, otherwise=self._score),
            forced: self._in_function(then=scored),
            tried: or_transform(self._in_function(then=scored), then=self._score),
            self._score: self._transform(then=scored),
            scored: succeed(
                {
                    "packaged": expression("$packaged"),
                    "scored_by": expression("$prepared.scored_by"),
                    "scored_by_because": expression("$prepared.scored_by_because"),
                }
            ),
            **attempts.states(parts.attend, self._steps(), self.announcer),
        }

    def _called(self, known_as: str) -> str:
        return expression(known_as) if self.phase is None else self.phase.value

    @property
    def _attempts(self) -> Attempts:
        if self.phase is None:
            return Attempts(FURTHER, item="$fit")
        return Attempts(self.phase.value.capitalize())

    @property
    def _score(self) -> str:
        return f"Score{self.suffix or 'Holdout'}"

    @property
    def _create(self) -> str:
        return f"Create{self.suffix}Model"

    @property
    def _who_scores(self) -> str:
        return self._named("WhoScores")

    def _named(self, state: str) -> str:
        return f"{state}{self.suffix}"

    def _steps(self) -> list[Step]:
        """The states that start a job."""
        artifact = {"artifact": expression(self._attempts.result)}
        return [
            Step(state=self._named("Train"), then=self._named("Package"), assign=artifact),
            Step(state=self._create, then=self._who_scores, assign=self._first_score()),
            Step(state=self._score, then=self._named("Scored")),
        ]

    def _first_score(self) -> dict[str, Any]:
        return self._attempts.first(self._score, "transform", "$packaged.transform_job_name")

    def _in_function(self, *, then: str) -> State:
        question = {
            "input_uri": "$prepared.holdout_input_uri",
            "output_uri": "$prepared.holdout_output_uri",
            "archive_uri": "$packaged.model_data_uri",
            "digest": "$packaged.digest",
            "image": "$packaged.image",
            "program": "$packaged.environment.SAGEMAKER_PROGRAM",
        }
        return score_in_function(self.parts.score, question, output_filter="$prepared.output_filter", then=then)

    def _transform(self, *, then: str) -> State:
        return transform(
            self._attempts,
            model_name="$packaged.model_name",
            input_uri="$prepared.holdout_input_uri",
            output_uri="$prepared.holdout_output_uri",
            instance_type="$prepared.transform_instance_type",
            local_storage="$prepared.transform_local_storage",
            timeout_seconds="$prepared.timeout_seconds",
            output_filter="$prepared.output_filter",
            key=self.parts.key,
            environment=self.announcer.environment,
            then=then,
        )


def _search(parts: TrainingParts, attempts: Attempts, *, environment: str, then: str) -> States:
    """Look for hyperparameters where the run asks for it; `$context` has the best ones afterwards."""
    prepared = invoke(
        parts.prepare,
        {"phase": "trials", **known("context", "dataset")},
        assign="search",
        then="Tune",
        seconds=PREPARE_SECONDS,
    )
    prepared["Assign"] |= attempts.first("Tune", "tuning", "$states.result.Payload.job_name")
    best = {"phase": "best", **known("context", "dataset", "search"), "job": expression(attempts.name)}
    return {
        "Searches": choose(("$count($context.search) > 0", "PrepareTrials"), otherwise=then),
        "PrepareTrials": prepared,
        "Tune": tune("search", attempts, key=parts.key, environment=environment, then="TakeBest"),
        "TakeBest": invoke(parts.prepare, best, assign="context", then=then, seconds=PREPARE_SECONDS),
    }


def _judge(phase: Phase, parts: TrainingParts, *, then: str) -> State:
    payload = {"phase": phase.value, **known("context", "dataset", "scored")}
    return invoke(parts.evaluate, payload, assign="evaluated", then=then, seconds=EVALUATE_SECONDS)


# Who answered for each fit in the end: the plan of a fit is wrong where its function failed.
_SCORED = ", ".join(
    f"'{phase}': $states.result[{place}].{{'scored_by': scored_by, 'scored_by_because': scored_by_because}}"
    for place, phase in enumerate((Phase.JUDGED, Phase.FINAL))
).join("{}")
_OUTPUT = (
    "$merge([{'run_id': $context.run_id, 'line': $context.line, 'dataset_id': $dataset.dataset_id, "
    "'metrics': $evaluated.metrics, 'model_package_arn': $evaluated.model_package_arn, "
    "'decision': $concluded.decision, 'scored_by': $delivered.scored_by, "
    "'scored_by_because': $delivered.scored_by_because}, $promoted])"
)
