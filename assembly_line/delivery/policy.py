"""From scores to actions: who gets the action, who is drawn to explore, and with which probability that happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from assembly_line.canonical import digest
from assembly_line.declarations.decisions import Policy

# The policy's arm; a challenger will bring its own.
CHAMPION_ARM = "champion"
DIGITS = 13  # hexadecimal digits that a float holds exactly: 52 bits


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided. `propensity`: how probable this action was, given the batch and the policy, before the draw."""

    action: str
    propensity: float
    explored: bool


def choose(policy: Policy, *, line: str, scores: Mapping[str, float]) -> dict[str, Choice]:
    """Decide a whole batch.

    Without exploration exactly `places(...)` decisions get `act`: those with the highest scores, equal scores in order
    of their decision_id. A decision that is drawn to explore gets `act` with the probability of `exploring_share`
    whatever its score, so that capacity also holds on average where it explores. The draw is a hash of line, policy
    version and decision: a repetition draws the same, and no decision's draw depends on another's.

    Args:
        line: the line's name.
        scores: decision_id -> score in [0, 1].
    """
    favoured = _favoured(policy, scores)
    share = exploring_share(policy)
    choices = {}
    for identifier in scores:
        explores, position = _draw(line, policy.version, identifier)
        explored = explores < policy.exploration
        acts = position < share if explored else identifier in favoured
        chance = _chance_to_act(policy, favoured=identifier in favoured)
        choices[identifier] = Choice(
            action=policy.act if acts else policy.otherwise,
            propensity=chance if acts else 1 - chance,
            explored=explored,
        )
    return choices


def places(capacity: float, decisions: int) -> int:
    """How many of a batch can be acted on: capacity times decisions, in decimal, rounded down."""
    return int((Decimal(repr(capacity)) * decisions).to_integral_value(ROUND_FLOOR))


def exploring_share(policy: Policy) -> float:
    """How probable `act` is for a decision that explores: the capacity; a half where that would leave no choice."""
    return policy.capacity if policy.capacity is not None and policy.capacity < 1 else 0.5


def _favoured(policy: Policy, scores: Mapping[str, float]) -> set[str]:
    if policy.threshold is not None:
        return {identifier for identifier, score in scores.items() if score >= policy.threshold}
    ranked = sorted(scores, key=lambda identifier: (-scores[identifier], identifier))
    return set(ranked[: places(policy.capacity or 0, len(scores))])


def _chance_to_act(policy: Policy, *, favoured: bool) -> float:
    return (1 - policy.exploration) * favoured + policy.exploration * exploring_share(policy)


def _draw(line: str, version: int, identifier: str) -> tuple[float, float]:
    """Two independent numbers in [0, 1)."""
    drawn = digest(["exploration", line, version, identifier])
    return int(drawn[:DIGITS], 16) / 16**DIGITS, int(drawn[DIGITS : 2 * DIGITS], 16) / 16**DIGITS
