"""The message of one decision: the form of all others of its batch, or the reason why it cannot be sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pydantic import ValidationError

from assembly_line.declarations.decisions import Policy
from assembly_line.declarations.lines import Line
from assembly_line.delivery.answers import Quarantined, Reason
from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.policy import CHAMPION_ARM
from assembly_line.instants import format_instant
from assembly_line.messages import AnyPrediction, Model, Prediction, PredictionV2, Rank
from assembly_line.outcome_kinds import Answer, Binary, Ranking
from assembly_line.refusals import describe


@dataclass(frozen=True, slots=True)
class OneDecision:
    """One decision of a batch. `offset`: its position in the spine."""

    offset: int
    decision_id: str
    decision_time: datetime
    keys: Mapping[str, Any]
    answer: Answer


def message_of(context: ScoringContext, line: Line, decision: OneDecision) -> AnyPrediction | Quarantined:
    """The message before the policy decides, with the action that is free; or why it cannot be sent."""
    problem = _problem(decision.keys) or _without_end(decision.decision_time, line.policy)
    if problem is not None:
        return Quarantined(decision.offset, decision.decision_id, Reason.UNSENDABLE, problem)
    expires_at = decision.decision_time + line.policy.expires_after
    if expires_at <= context.instant:
        ended = f"expires_at is {format_instant(expires_at)}, expected after the run's instant"
        detail = f"{ended} {format_instant(context.instant)}"
        return Quarantined(decision.offset, decision.decision_id, Reason.EXPIRED, detail)
    try:
        return _prediction(context, line, decision, expires_at)
    except ValidationError as error:
        detail = describe(error, AnyPrediction)
        return Quarantined(decision.offset, decision.decision_id, Reason.UNSENDABLE, detail)


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


def _prediction(context: ScoringContext, line: Line, decision: OneDecision, expires_at: datetime) -> AnyPrediction:
    kind = line.predicts
    said: dict[str, Any] = {
        "line": context.line,
        "decision_id": decision.decision_id,
        "revision": context.revision,
        "decision_time": decision.decision_time,
        "keys": dict(decision.keys),
        "score": kind.score(decision.answer),
        "action": line.policy.otherwise,
        "propensity": 1.0,
        "arm": CHAMPION_ARM,
        "policy_version": line.policy.version,
        "model": Model(run_id=context.champion.run_id, digest=context.champion.digest),
        "batch": context.run_id,
        "issued_at": context.instant,
        "expires_at": expires_at,
    }
    if isinstance(kind, Binary):
        return Prediction(**said)
    alone = Rank(kind="rank", within=list(kind.within), rank=1, of=1) if isinstance(kind, Ranking) else None
    return PredictionV2(
        **said,
        outcome=line.outcome.name,
        kind=cast("Any", kind.name),
        lowest=kind.lowest,
        highest=kind.highest,
        detail=alone or cast("Any", kind.detail(decision.answer)),
    )


# What a ledger row of a prediction has beside its message.
BESIDE_MESSAGE = frozenset(
    {
        *("explored", "offset", "release", "model_release", "dataset_id", "baseline", "prior", "principal", "run_id"),
        *("backfill", "scale", "online"),
    }
)


def ledger_row(
    context: ScoringContext, said: Mapping[str, Any], *, dataset_id: str, explored: Any, offset: Any, baseline: Any
) -> dict[str, Any]:
    """The ledger row of a prediction: its message, and what readers need beside it.

    Args:
        said: the message's values.
    """
    return {
        **said,
        "explored": explored,
        "offset": offset,
        "release": context.release,
        "model_release": context.champion.release,
        "dataset_id": dataset_id,
        "baseline": baseline,
        "prior": context.champion.prior,
        "principal": context.principal,
        "run_id": context.run_id,
        "backfill": list(context.backfill),
    }


def quarantine_row(context: ScoringContext, item: Quarantined) -> dict[str, Any]:
    """The ledger row of a decision that is kept aside."""
    return {
        "station": "delivery",
        "line": context.line,
        "run_id": context.run_id,
        "decision_id": item.decision_id,
        "revision": context.revision,
        "offset": item.offset,
        "reason": str(item.reason),
        "detail": item.detail,
        "at": format_instant(context.started_at),
    }
