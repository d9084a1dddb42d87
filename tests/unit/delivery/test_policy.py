"""The policy keeps its capacity, explores as often as it says, and tells the true probability of what it did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.declarations.decisions import Policy
from assembly_line.delivery.policy import choose, exploring_share, places


def policy(**changes: Any) -> Policy:
    values: dict[str, Any] = {"version": 1, "act": "remind", "otherwise": "leave", "expires_after": timedelta(days=28)}
    if "threshold" not in changes:
        values["capacity"] = 0.2
    return Policy(**{**values, **changes})


def batch(size: int, seed: int = 1) -> dict[str, float]:
    drawn = np.random.default_rng(seed)
    names = [drawn.bytes(16).hex() for _ in range(size)]
    return {f"d1-20170701-{name}": float(score) for name, score in zip(names, drawn.random(size), strict=True)}


@pytest.mark.parametrize(
    ("capacity", "decisions", "expected"),
    [(0.2, 5, 1), (0.2, 4, 0), (0.29, 100, 29), (0.57, 100, 57), (1.0, 7, 7), (0.1, 30, 3), (0.999, 1000, 999)],
)
def test_places_are_counted_in_decimal_and_rounded_down(capacity: float, decisions: int, expected: int) -> None:
    assert places(capacity, decisions) == expected


def test_without_exploration_exactly_the_highest_scores_get_the_action() -> None:
    scores = batch(503)
    choices = choose(policy(), line="demo", scores=scores)

    acted = {identifier for identifier, choice in choices.items() if choice.action == "remind"}

    assert len(acted) == 100
    assert min(scores[identifier] for identifier in acted) > max(
        score for identifier, score in scores.items() if identifier not in acted
    )
    assert {choice.propensity for choice in choices.values()} == {1.0}
    assert not any(choice.explored for choice in choices.values())


def test_equal_scores_are_taken_in_order_of_id_whatever_the_order_of_the_batch() -> None:
    scores = dict.fromkeys(batch(10), 0.5)
    backwards = dict(reversed(scores.items()))

    first, second = (choose(policy(), line="demo", scores=some) for some in (scores, backwards))

    assert first == second
    assert sorted(key for key, choice in first.items() if choice.action == "remind") == sorted(scores)[:2]


def test_a_threshold_includes_its_own_value() -> None:
    choices = choose(policy(threshold=0.5), line="demo", scores={"a": 0.5, "b": 0.4999})
    assert [choices[key].action for key in "ab"] == ["remind", "leave"]


def test_an_empty_batch_has_no_choices() -> None:
    assert choose(policy(exploration=0.5), line="demo", scores={}) == {}


@pytest.mark.parametrize(("changes", "expected"), [({}, 0.2), ({"capacity": 1.0}, 0.5), ({"threshold": 0.3}, 0.5)])
def test_exploration_spends_no_more_than_the_capacity_on_average(changes: dict[str, float], expected: float) -> None:
    assert exploring_share(policy(**changes)) == expected


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


@pytest.mark.parametrize("rule", [{"capacity": 0.2}, {"threshold": 0.7}], ids=["capacity", "threshold"])
def test_actions_happen_as_often_as_their_propensity_says(rule: dict[str, float]) -> None:
    """Chi-square over four cells: favoured or not, acted or not. 13.8 is the 99.9 % point with 2 degrees of freedom."""
    explorer = policy(exploration=0.3, **rule)
    scores = batch(40_000, seed=11)
    choices = choose(explorer, line="demo", scores=scores)
    certain = choose(policy(**rule), line="demo", scores=scores)

    statistic = 0.0
    for favoured in (True, False):
        members = [key for key, choice in certain.items() if (choice.action == "remind") == favoured]
        chance = {
            choices[key].propensity if choices[key].action == "remind" else 1 - choices[key].propensity
            for key in members
        }
        assert len({round(value, 12) for value in chance}) == 1
        expected = chance.pop() * len(members)
        acted = sum(choices[key].action == "remind" for key in members)
        statistic += (acted - expected) ** 2 / expected + (acted - expected) ** 2 / (len(members) - expected)
    assert statistic < 13.8


def test_the_share_that_explores_is_the_declared_one() -> None:
    choices = choose(policy(exploration=0.05), line="demo", scores=batch(40_000, seed=5))
    explored = sum(choice.explored for choice in choices.values())
    assert abs(explored - 2000) < 3.3 * (40_000 * 0.05 * 0.95) ** 0.5


def test_weighting_by_propensity_recovers_what_acting_on_everybody_would_give() -> None:
    """An off-policy estimate from the logged propensities: the mean score of all from those acted on alone."""
    scores = batch(40_000, seed=17)
    choices = choose(policy(exploration=0.5), line="demo", scores=scores)
    weighted = sum(
        scores[key] / choice.propensity for key, choice in choices.items() if choice.action == "remind"
    ) / len(scores)
    assert weighted == pytest.approx(sum(scores.values()) / len(scores), rel=0.05)


@given(st.floats(0.01, 1), st.floats(0, 0.99), st.integers(1, 60))
def test_propensities_are_probabilities_of_what_was_possible(capacity: float, exploration: float, size: int) -> None:
    choices = choose(policy(capacity=capacity, exploration=exploration), line="demo", scores=batch(size))
    assert all(0 < choice.propensity <= 1 for choice in choices.values())
    if exploration == 0:
        assert sum(choice.action == "remind" for choice in choices.values()) == places(capacity, size)
