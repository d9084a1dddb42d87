"""The policy keeps its capacity, explores as often as it says, and tells the true probability of what it did."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line.declarations.decisions import Policy
from assembly_line.delivery import policy as policies
from assembly_line.delivery.policy import choose as choose_in_columns
from assembly_line.delivery.sql import insert
from assembly_line.outcome_kinds import places


@dataclass(frozen=True)
class Choice:
    """What was decided about one decision."""

    action: str
    propensity: float
    explored: bool


def choose(policy: Policy, *, line: str, scores: Mapping[str, float]) -> dict[str, Choice]:
    return choose_by_unit(policy, line=line, scores={(identifier, 0): score for identifier, score in scores.items()})


def choose_by_unit(policy: Policy, *, line: str, scores: Mapping[tuple[str, int], float]) -> dict[str, Choice]:
    """The choices of several batches, or of one. `scores`: decision_id and number of its batch -> score."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute('CREATE TABLE decisions ("offset" BIGINT, decision_id VARCHAR, batch BIGINT, score DOUBLE)')
        ids, batches = [identifier for identifier, _ in scores], [number for _, number in scores]
        columns = (("BIGINT", range(len(ids))), ("VARCHAR", ids), ("BIGINT", batches), ("DOUBLE", [*scores.values()]))
        insert(connection, "decisions", *columns)
        choose_in_columns(connection, policy, line=line, unit=["batch"] if len(set(batches)) > 1 else ())
        rows = connection.execute('FROM chosen ORDER BY "offset"').fetchall()
    assert [offset for offset, *_ in rows] == list(range(len(ids)))
    return {
        identifier: Choice(policy.act if acts else policy.otherwise, json.loads(propensity), explored)
        for identifier, (_, acts, explored, propensity) in zip(ids, rows, strict=True)
    }


def policy(**changes: Any) -> Policy:
    values: dict[str, Any] = {"version": 1, "act": "remind", "otherwise": "leave", "expires_after": timedelta(days=28)}
    if "threshold" not in changes:
        values["capacity"] = 0.2
    return Policy(**{**values, **changes})


def batch(size: int, seed: int = 1) -> dict[str, float]:
    drawn = np.random.default_rng(seed)
    names = [drawn.bytes(16).hex() for _ in range(size)]
    return {f"d1-20170701-{name}": float(score) for name, score in zip(names, drawn.random(size), strict=True)}


def acted(choices: dict[str, Choice]) -> set[str]:
    return {identifier for identifier, choice in choices.items() if choice.action == "remind"}


def chance_to_act(choice: Choice) -> float:
    return choice.propensity if choice.action == "remind" else 1 - choice.propensity


def enumerated(places_: int, decisions: int, exploration: Fraction) -> tuple[Fraction, Fraction]:
    """How probable `act` is for a holder of a place and for another decision, by counting every equally likely draw."""
    holders, others = range(places_), range(places_, decisions)
    expected = exploration * places_, exploration * len(others)
    # One number u in [0, 1) rounds both; between two of these bounds it rounds alike.
    bounds = sorted({Fraction(0), Fraction(1), *(ceil(one) - one for one in expected)})
    chance: dict[int, Fraction] = dict.fromkeys(range(decisions), Fraction(0))
    for low, high in itertools.pairwise(bounds):
        counts = [floor(one + (low + high) / 2) for one in expected]
        draws = [
            {*holders} - {*from_holders} | {*lot}
            for from_holders in itertools.combinations(holders, counts[0])
            for from_others in itertools.combinations(others, counts[1])
            for lot in itertools.combinations([*from_holders, *from_others], counts[0])
        ]
        for acting in draws:
            assert len(acting) == places_
            for one in acting:
                chance[one] += (high - low) / len(draws)
    assert len({chance[one] for one in holders}) <= 1
    assert len({chance[one] for one in others}) <= 1
    return chance[0] if places_ else Fraction(1), chance[decisions - 1] if others else Fraction(0)


@pytest.mark.parametrize(
    ("capacity", "decisions", "expected"),
    [(0.2, 5, 1), (0.2, 4, 0), (0.29, 100, 29), (0.57, 100, 57), (1.0, 7, 7), (0.1, 30, 3), (0.999, 1000, 999)],
)
def test_places_are_counted_in_decimal_and_rounded_down(capacity: float, decisions: int, expected: int) -> None:
    assert places(capacity, decisions) == expected


@pytest.mark.parametrize(
    "number", [np.float64(0.2), Decimal("0.2"), Fraction(1, 5)], ids=lambda number: type(number).__name__
)
def test_a_number_of_any_kind_decides_as_the_float_does(number: Any) -> None:
    scores = batch(50)

    for rule in ({"capacity": number}, {"threshold": number}, {"exploration": number}):
        given_ = policy(**rule, values={"remind": number})
        plain = policy(**dict.fromkeys(rule, 0.2), values={"remind": 0.2})

        assert given_ == plain
        assert choose(given_, line="mail", scores=scores) == choose(plain, line="mail", scores=scores)


def test_a_campaign_of_65_under_a_capacity_of_20_percent_acts_on_13_whatever_is_explored() -> None:
    names = {
        (f"{number}-{identifier}", number): score
        for number in range(200)
        for identifier, score in batch(65, seed=number).items()
    }
    choices = choose_by_unit(policy(exploration=0.05), line="demo", scores=names)
    assert Counter(identifier.partition("-")[0] for identifier in acted(choices)) == dict.fromkeys(
        map(str, range(200)), 13
    )


@settings(max_examples=40)
@given(
    st.floats(0, 1, exclude_min=True),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 80),
    st.integers(1, 5),
    st.sampled_from([None, 0.5]),
)
def test_capacity_is_never_exceeded_and_propensities_are_probabilities(
    capacity: float, exploration: float, size: int, version: int, tied: float | None
) -> None:
    scores = batch(size, seed=version) if tied is None else dict.fromkeys(batch(size), tied)
    choices = choose(policy(capacity=capacity, exploration=exploration, version=version), line="demo", scores=scores)

    assert set(choices) == set(scores)
    assert all(0 < choice.propensity <= 1 for choice in choices.values())
    if capacity < 1:
        most = floor(Fraction(Decimal(repr(capacity))) * size)
        assert len(acted(choices)) == most
        assert sum(map(chance_to_act, choices.values())) == pytest.approx(most)
    if exploration == 0:
        assert {choice.propensity for choice in choices.values()} <= {1.0}


@pytest.mark.parametrize("exploration", ["0", "0.05", "0.3", "0.5", "0.9"])
@pytest.mark.parametrize(("capacity", "size"), [("0.2", 5), ("0.5", 6), ("0.34", 6), ("0.1", 5), ("0.75", 4)])
def test_propensities_are_those_of_counting_every_draw(capacity: str, size: int, exploration: str) -> None:
    held = floor(Fraction(capacity) * size)
    holder, other = enumerated(held, size, Fraction(exploration))
    scores = batch(size)
    ranked = sorted(scores, key=lambda identifier: -scores[identifier])

    choices = choose(policy(capacity=float(capacity), exploration=float(exploration)), line="demo", scores=scores)

    for place, identifier in enumerate(ranked):
        expected = holder if place < held else other
        assert chance_to_act(choices[identifier]) == pytest.approx(float(expected), abs=1e-15)


@pytest.mark.parametrize(("size", "capacity", "exploration"), [(7, 0.3, 0.4), (12, 0.25, 0.1), (6, 0.5, 0.8)])
def test_over_many_draws_actions_happen_as_often_as_their_propensity_says(
    size: int, capacity: float, exploration: float
) -> None:
    """Each of 1,500 batches draws anew. Five standard deviations miss by chance less than once in a million."""
    scores, drawn = list(batch(size).values()), 1500
    names = {(f"{number}-{place}", number): score for number in range(drawn) for place, score in enumerate(scores)}
    choices = choose_by_unit(policy(capacity=capacity, exploration=exploration), line="demo", scores=names)
    frequency = Counter(identifier.partition("-")[2] for identifier in acted(choices))
    chance = {str(place): chance_to_act(choices[f"0-{place}"]) for place in range(size)}

    for identifier, expected in chance.items():
        deviation = (expected * (1 - expected) * drawn) ** 0.5
        assert abs(frequency[identifier] - expected * drawn) <= 5 * deviation


def test_without_exploration_exactly_the_highest_scores_get_the_action() -> None:
    scores = batch(503)
    choices = choose(policy(), line="demo", scores=scores)

    assert acted(choices) == {*sorted(scores, key=lambda identifier: -scores[identifier])[:100]}
    assert {choice.propensity for choice in choices.values()} == {1.0}
    assert not any(choice.explored for choice in choices.values())


def test_only_an_explorer_gets_another_action_than_its_rank_gives() -> None:
    scores = batch(400)
    certain = choose(policy(), line="demo", scores=scores)
    choices = choose(policy(exploration=0.3), line="demo", scores=scores)

    changed = {identifier for identifier in scores if choices[identifier].action != certain[identifier].action}
    explored = {identifier for identifier, choice in choices.items() if choice.explored}

    assert changed < explored
    assert len(explored) == 120  # of 80 holders 24, of 320 others 96


def test_ties_at_the_cut_are_broken_by_no_order_of_batch_or_name() -> None:
    scores = dict.fromkeys((f"d1-20170701-{number:032x}" for number in range(1000)), 0.5)

    first, second = (choose(policy(), line="demo", scores=some) for some in (scores, dict(reversed(scores.items()))))

    assert first == second
    # Of the first half of the names about half of the 200 places; five standard deviations are 32.
    in_first_half = len(acted(first) & set(list(scores)[:500]))
    assert 68 <= in_first_half <= 132


def test_a_threshold_includes_its_own_value() -> None:
    choices = choose(policy(threshold=0.5), line="demo", scores={"a": 0.5, "b": 0.4999})
    assert [choices[key].action for key in "ab"] == ["remind", "leave"]


def test_a_bound_that_leaves_out_too_many_lots_changes_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = batch(500)
    expected = choose(policy(exploration=0.3), line="demo", scores=scores)
    monkeypatch.setattr(policies, "_plenty", lambda *_: "0" * 14)
    assert choose(policy(exploration=0.3), line="demo", scores=scores) == expected


def test_an_empty_batch_has_no_choices() -> None:
    assert choose(policy(exploration=0.5), line="demo", scores={}) == {}


def test_a_retry_draws_the_same_and_another_policy_version_another_draw() -> None:
    scores = batch(2000)
    explorer = policy(exploration=0.3)

    first = choose(explorer, line="demo", scores=scores)

    assert choose(explorer, line="demo", scores=scores) == first
    for changed in (
        choose(policy(exploration=0.3, version=2), line="demo", scores=scores),
        choose(explorer, line="other", scores=scores),
    ):
        same = sum(changed[key].explored == first[key].explored for key in scores)
        assert 0.5 < same / len(scores) < 0.66  # independent draws agree in 0.3^2 + 0.7^2 = 58 %


@pytest.mark.parametrize("rule", [{"capacity": 1.0}, {"threshold": 0.7}], ids=["capacity of all", "threshold"])
def test_where_no_place_is_scarce_each_decision_explores_by_itself(rule: dict[str, float]) -> None:
    """Chi-square over four cells: favoured or not, acted or not. 13.8 is the 99.9 % point with 2 degrees of freedom."""
    scores = batch(20_000, seed=11)
    choices = choose(policy(exploration=0.3, **rule), line="demo", scores=scores)
    favoured = acted(choose(policy(**rule), line="demo", scores=scores))

    statistic = 0.0
    for members, chance in ((favoured, 0.85), (set(scores) - favoured, 0.15)):
        assert {round(chance_to_act(choices[key]), 12) for key in members} <= {chance}
        count, expected = len(acted(choices) & members), chance * len(members)
        if members:
            statistic += (count - expected) ** 2 / expected + (count - expected) ** 2 / (len(members) - expected)
    assert statistic < 13.8


def test_weighting_by_propensity_recovers_what_acting_on_everybody_would_give() -> None:
    """An off-policy estimate from the logged propensities: the mean score of all from those acted on alone."""
    scores = batch(20_000, seed=17)
    choices = choose(policy(exploration=0.5), line="demo", scores=scores)
    weighted = sum(scores[key] / choices[key].propensity for key in acted(choices)) / len(scores)
    assert weighted == pytest.approx(sum(scores.values()) / len(scores), rel=0.05)
