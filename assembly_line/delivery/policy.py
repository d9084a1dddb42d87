"""From scores to actions: who gets the action, who is drawn to explore, and with which probability that happened."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from math import floor

from assembly_line.canonical import digest
from assembly_line.declarations.decisions import Policy
from assembly_line.errors import DeclarationError
from assembly_line.outcome_kinds import places

# The policy's arm; a challenger will bring its own.
CHAMPION_ARM = "champion"
DIGITS = 13  # hexadecimal digits that a float holds exactly: 52 bits
# How probable `act` is for a decision that explores where no capacity is scarce.
EVEN = Fraction(1, 2)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was decided.

    Args:
        propensity: how probable this action was for this decision, given the batch and the policy, before any draw.
        explored: it was drawn to explore, so that a lot and not its score decided; the lot may agree with the score.
    """

    action: str
    propensity: float
    explored: bool


def choose(policy: Policy, *, line: str, scores: Mapping[str, float]) -> dict[str, Choice]:
    """Decide a whole batch.

    Under a capacity exactly `places(...)` decisions get `act`, whatever is explored. The highest scores hold these
    places; equal scores come in order of a hash of their decision_id. A fixed number of the holders and of the others
    is drawn to explore. All that are drawn share by lot the places that the holders among them gave up. Under a
    threshold, or a capacity of 1, no place is scarce: each decision explores by itself, and acts with an even chance.

    All draws are hashes of line, policy version and decision, and one of the batch: a repetition draws the same.

    Args:
        line: the line's name.
        scores: decision_id -> score in [0, 1], of the decisions that can be delivered.
    """
    draws = Draws(line, policy.version)
    if policy.capacity is None or policy.capacity >= 1:
        return {
            identifier: _by_itself(policy, draws, identifier, favoured=_reaches(policy, score))
            for identifier, score in scores.items()
        }
    ranked = sorted(scores, key=lambda identifier: (-scores[identifier], digest(["tie", identifier])))
    held = places(policy.capacity, len(ranked))
    return _within_capacity(policy, draws, ranked, held=held)


@dataclass(frozen=True, slots=True)
class Explorers:
    """How many explore: of those that hold a place, and of the others. `weight`: how probable these numbers are."""

    holders: int
    others: int
    weight: Fraction

    def chance(self) -> Fraction:
        """How probable `act` is for one that explores: places that were given up, for each that was drawn."""
        return Fraction(self.holders, self.holders + self.others)


def possible_explorers(exploration: float, *, held: int, others: int) -> list[Explorers]:
    """Every pair of numbers that the draw of the batch can give, in order of that draw.

    On average `exploration` of the holders and of the others explore. Both numbers are rounded by one draw, up where it
    is high: so they are rounded up together as often as can be, for a place can only change hands between the two.
    """
    share = Fraction(Decimal(repr(exploration)))
    expected = (share * held, share * others)
    bounds = sorted({Fraction(0), Fraction(1), *(1 - (number - floor(number)) for number in expected)})
    return [
        Explorers(floor(expected[0] + low), floor(expected[1] + low), high - low)
        for low, high in itertools.pairwise(bounds)
    ]


class Draws:
    """Lots that a repetition draws alike: each is a hash of its purpose, the line, the policy version and a name."""

    def __init__(self, line: str, version: int) -> None:
        self._of = (line, version)

    def number(self, purpose: str, name: str) -> Fraction:
        return Fraction(int(self._digest(purpose, name)[:DIGITS], 16), 16**DIGITS)

    def some(self, purpose: str, names: Collection[str], count: int) -> list[str]:
        """So many of the names; every choice of them is equally probable."""
        return sorted(names, key=lambda name: self._digest(purpose, name))[:count]

    def _digest(self, purpose: str, name: str) -> str:
        return digest([purpose, *self._of, name])


def _within_capacity(policy: Policy, draws: Draws, ranked: Sequence[str], *, held: int) -> dict[str, Choice]:
    holders, others = ranked[:held], ranked[held:]
    possible = possible_explorers(policy.exploration, held=held, others=len(others))
    drawn = _drawn(possible, draws.number("batch", digest(sorted(ranked))))
    exploring = {
        *draws.some("exploration", holders, drawn.holders),
        *draws.some("exploration", others, drawn.others),
    }
    acting = {*holders} - exploring | {*draws.some("place", exploring, drawn.holders)}
    chances = {True: _chance(possible, held, holds=True), False: _chance(possible, len(others), holds=False)}
    kept = {*holders}
    return {
        identifier: _choice(
            policy, acts=identifier in acting, chance=chances[identifier in kept], explored=identifier in exploring
        )
        for identifier in ranked
    }


def _drawn(possible: Sequence[Explorers], number: Fraction) -> Explorers:
    reached = Fraction(0)
    for found in possible:
        reached += found.weight
        if number < reached:
            return found
    raise ValueError(f"the draw {number} is not below 1")


def _chance(possible: Sequence[Explorers], members: int, *, holds: bool) -> Fraction:
    """How probable `act` is for a decision that holds a place, or for one that does not."""
    if not members:
        return Fraction(holds)
    total = Fraction(0)
    for found in possible:
        exploring = found.holders if holds else found.others
        share = Fraction(exploring, members)
        total += found.weight * ((1 - share) * holds + (share * found.chance() if exploring else 0))
    return total


def _reaches(policy: Policy, score: float) -> bool:
    return policy.threshold is None or score >= policy.threshold


def _by_itself(policy: Policy, draws: Draws, identifier: str, *, favoured: bool) -> Choice:
    exploration = Fraction(Decimal(repr(policy.exploration)))
    explored = draws.number("exploration", identifier) < exploration
    acts = draws.number("place", identifier) < EVEN if explored else favoured
    return _choice(policy, acts=acts, chance=(1 - exploration) * favoured + exploration * EVEN, explored=explored)


def _choice(policy: Policy, *, acts: bool, chance: Fraction, explored: bool) -> Choice:
    return Choice(
        action=policy.act if acts else policy.otherwise,
        propensity=float(chance if acts else 1 - chance),
        explored=explored,
    )


def require_new_version(place: str, declared: Policy, released: Policy) -> None:
    """Refuse another policy under the version of the released one: the ledger tells actions apart by it alone.

    Args:
        place: of the declaration.

    Raises:
        DeclarationError: names what differs, here and in the release.
    """
    if declared == released or declared.version != released.version:
        return
    named = [field.name for field in fields(Policy) if getattr(declared, field.name) != getattr(released, field.name)]
    now, before = (", ".join(f"{name}={getattr(one, name)!r}" for name in named) for one in (declared, released))
    raise DeclarationError.about(
        f"{place}: Policy",
        f"version {declared.version} has {now}, and was released with {before}",
        f"a higher version for another policy, such as {released.version + 1}",
    )
