"""One decision that is no part of a batch: the very row that a batch of it alone would leave in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from assembly_line.canonical import digest
from assembly_line.declarations.decisions import Policy
from assembly_line.declarations.lines import Line
from assembly_line.delivery.answers import Quarantined, Reason
from assembly_line.delivery.context import ScoringContext
from assembly_line.delivery.one_message import BESIDE_MESSAGE, OneDecision, ledger_row, message_of
from assembly_line.delivery.policy import DIGITS, EVEN
from assembly_line.outcome_kinds import OutcomeKind, Unusable


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided, see `policy.choose`."""

    acts: bool
    explored: bool
    propensity: float


def choose_alone(policy: Policy, *, line: str, decision_id: str, score: float) -> Choice:
    """Decide one decision by itself, with the lots that a batch would draw for it.

    Args:
        policy: without a scarce place, see `Policy.one_at_a_time`.
    """
    share = Fraction(Decimal(repr(policy.exploration)))
    favoured = policy.threshold is None or score >= policy.threshold
    explored = _number("exploration", line, policy.version, decision_id) < share
    acts = _number("place", line, policy.version, decision_id) < EVEN if explored else favoured
    chance = (1 - share) * favoured + share * EVEN
    return Choice(acts, explored, float(chance if acts else 1 - chance))


def read_answer(kind: OutcomeKind, decision_id: str, text: str) -> tuple[float, ...] | Quarantined:
    """The model's answer, or why it cannot be used."""
    try:
        return kind.read(text)
    except Unusable as error:
        return Quarantined(0, decision_id, Reason(error.reason), str(error))


def row_alone(
    context: ScoringContext, line: Line, policy: Policy, decision: OneDecision, *, dataset_id: str, baseline: Any
) -> dict[str, Any] | Quarantined:
    """The ledger row of a decision, or why it cannot be sent.

    Args:
        policy: what decides, see `Policy.one_at_a_time`.
        dataset_id: where the features come from.
        baseline: the number by which the one-feature rule ranks.
    """
    undecided = message_of(context, line, decision)
    if isinstance(undecided, Quarantined):
        return undecided
    chosen = choose_alone(policy, line=context.line, decision_id=decision.decision_id, score=undecided.score)
    action = policy.act if chosen.acts else policy.otherwise
    message = undecided.model_copy(update={"action": action, "propensity": chosen.propensity})
    return ledger_row(
        context,
        message.to_values(),
        dataset_id=dataset_id,
        explored=chosen.explored,
        offset=decision.offset,
        baseline=baseline,
    )


def message_in(row: Mapping[str, Any]) -> dict[str, Any]:
    """The message that a ledger row was made of."""
    return {name: value for name, value in row.items() if name not in BESIDE_MESSAGE}


def _number(purpose: str, line: str, version: int, decision_id: str) -> Fraction:
    return Fraction(int(digest([purpose, line, version, decision_id])[:DIGITS], 16), 16**DIGITS)
