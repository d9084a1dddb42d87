"""From a checked batch to what is kept and what is sent: ledger rows, quarantine rows and letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from assembly_line.declarations.decisions import Policy
from assembly_line.delivery.answers import CheckedAnswers, Quarantined, Reason
from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.policy import CHAMPION_ARM, Choice, choose
from assembly_line.encoding import rule_number
from assembly_line.instants import format_instant, later
from assembly_line.messages import Model, Prediction
from assembly_line.refusals import describe


@dataclass(frozen=True, slots=True)
class SpineRow:
    """One decision as the dataset holds it. `offset`: its position in the spine; `baseline`: the one-feature rule's."""

    offset: int
    decision_id: str
    decision_time: datetime
    keys: Mapping[str, Any]
    baseline: Any


@dataclass(frozen=True, slots=True)
class ComposedBatch:
    """A batch, decided: predictions in order of the spine with their ledger rows, and what was kept aside."""

    predictions: tuple[Prediction, ...]
    rows: tuple[dict[str, Any], ...]
    quarantined: tuple[dict[str, Any], ...]

    @property
    def offered(self) -> int:
        """Distinct decisions of the batch; each is delivered, quarantined or dead-lettered."""
        return len(self.predictions) + len(self.quarantined)

    @property
    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(str(row["reason"]) for row in self.quarantined).items()))


def compose(
    context: ScoringContext, *, policy: Policy, dataset_id: str, spine: Sequence[SpineRow], answers: CheckedAnswers
) -> ComposedBatch:
    """Decide the batch and write it down, the same every time it is asked for.

    A decision that cannot be sent (a key is empty or null, or it expires after the year 9999) is kept aside before the
    policy decides, so that it takes no place of another.

    Args:
        spine: every row of the dataset, in order; repetitions of a decision are taken once.
    """
    first = {row.decision_id: row for row in reversed(spine)}
    quarantined = list(answers.quarantined)
    sendable: dict[str, float] = {}
    for identifier, score in answers.scores.items():
        problem = _problem(first[identifier].keys) or _without_end(first[identifier].decision_time, policy)
        if problem is None:
            sendable[identifier] = score
        else:
            quarantined.append(Quarantined(identifier, Reason.UNSENDABLE, problem))
    choices = choose(policy, line=context.line, scores=sendable)
    predictions, rows = [], []
    for identifier, score in sendable.items():
        row, choice = first[identifier], choices[identifier]
        try:
            prediction = _prediction(context, policy, row, score, choice)
        except ValidationError as error:
            quarantined.append(Quarantined(identifier, Reason.UNSENDABLE, describe(error, Prediction)))
            continue
        predictions.append(prediction)
        rows.append(_ledger_row(context, prediction, row, choice, dataset_id))
    quarantined.sort(key=lambda item: first[item.decision_id].offset)
    kept = tuple(_quarantine_row(context, item, first[item.decision_id]) for item in quarantined)
    return ComposedBatch(tuple(predictions), tuple(rows), kept)


def _problem(keys: Mapping[str, Any]) -> str | None:
    for column, value in keys.items():
        if type(value) not in (int, str, bool):
            return f"key {column} is {value!r}, expected an integer, a string or a boolean"
        if value == "":
            return f"key {column} is empty"
    return None


def _without_end(decision_time: datetime, policy: Policy) -> str | None:
    try:
        decision_time + policy.expires_after
    except OverflowError:
        at = format_instant(decision_time)
        return f"expires_at: {policy.expires_after} after {at} lies after the year 9999, expected before its end"
    return None


def _prediction(context: ScoringContext, policy: Policy, row: SpineRow, score: float, choice: Choice) -> Prediction:
    return Prediction(
        line=context.line,
        decision_id=row.decision_id,
        revision=context.revision,
        decision_time=row.decision_time,
        keys=dict(row.keys),
        score=score,
        action=choice.action,
        propensity=choice.propensity,
        arm=CHAMPION_ARM,
        policy_version=policy.version,
        model=Model(run_id=context.champion.run_id, digest=context.champion.digest),
        batch=context.run_id,
        issued_at=context.started_at,
        expires_at=later(row.decision_time, policy.expires_after),
    )


def _ledger_row(
    context: ScoringContext, prediction: Prediction, row: SpineRow, choice: Choice, dataset_id: str
) -> dict[str, Any]:
    return {
        **prediction.to_values(),
        "explored": choice.explored,
        "offset": row.offset,
        "release": context.release,
        "model_release": context.champion.release,
        "dataset_id": dataset_id,
        "baseline": rule_number(row.baseline),
        "prior": context.champion.prior,
        "principal": context.principal,
        "run_id": context.run_id,
    }


def _quarantine_row(context: ScoringContext, item: Quarantined, row: SpineRow) -> dict[str, Any]:
    return {
        "station": "delivery",
        "line": context.line,
        "run_id": context.run_id,
        "decision_id": item.decision_id,
        "revision": context.revision,
        "offset": row.offset,
        "reason": str(item.reason),
        "detail": item.detail,
        "at": format_instant(context.started_at),
    }
