"""Means, intervals and chances of clustered decisions, against statsmodels, scipy, and draws of whole clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from assembly_line.reporting.grouped import Grouped, chi_squared_above, holm, wilson

Z = stats.norm.ppf(0.975)
# statsmodels 0.15.0 on the rows of `sample`: OLS on a column for each group with cov_type="cluster" and no correction,
# GEE(Independence).compare_score_test against the mean alone, and multipletests(method="holm").
MEANS = (0.3727272727272728, 0.40000000000000013, 0.5233644859813085)
COVARIANCE = (
    (0.0021940577829383284, 0.0003371900826446285, 5.477399231518339e-05),
    (0.0003371900826446285, 0.0019720226843100183, -0.0001241042506085587),
    (5.477399231518339e-05, -0.0001241042506085587, 0.0027102157566073087),
)
SCORE_TEST = 0.12549963071587777
CHANCES, HOLM = (0.01, 0.04, 0.03, 0.005, 0.2), (0.04, 0.09, 0.09, 0.025, 0.2)

Whole = NDArray[np.int64]


def sample() -> tuple[Whole, Whole, Whole]:
    """332 rows of 60 clusters: cluster, group, outcome. No generator of a library, so that they stay the same."""
    state = 12345

    def drawn() -> float:
        nonlocal state
        state = (1103515245 * state + 12345) % 2**31
        return state / 2**31

    rows = []
    for cluster in range(60):
        base = drawn()
        for _ in range(3 + int(drawn() * 6)):
            group = int(drawn() * 3)
            rows.append((cluster, group, int(drawn() < 0.15 + 0.5 * base + 0.12 * (group == 2))))
    clusters, groups, outcomes = zip(*rows, strict=True)
    return np.array(clusters), np.array(groups), np.array(outcomes)


def grouped(clusters: Whole, groups: Whole, outcomes: Whole, count: int) -> Grouped:
    return Grouped(clusters, groups, np.ones(len(clusters)), outcomes, count=count)


def test_means_and_their_variance_are_those_of_statsmodels() -> None:
    found = grouped(*sample(), count=3)
    number = found.clusters

    assert [mean.mean for mean in found.means(shares=True)] == pytest.approx(MEANS)
    for one in range(3):
        # Finitely many clusters make the interval a little wider than statsmodels' without its correction.
        assert found.estimate(one)[1] ** 2 == pytest.approx(COVARIANCE[one][one] * number[one] / (number[one] - 1))
    value, (low, high) = found.difference(2, 0)
    scale = np.sqrt(number / (number - 1))
    parts = np.array(COVARIANCE) * np.outer(scale, scale)
    assert value == pytest.approx(MEANS[2] - MEANS[0])
    assert ((high - low) / 2 / Z) ** 2 == pytest.approx(parts[2, 2] + parts[0, 0] - 2 * parts[2, 0])


def test_the_chance_of_equal_groups_is_that_of_statsmodels() -> None:
    assert grouped(*sample(), count=3).chance() == pytest.approx(SCORE_TEST)


def test_chances_are_adjusted_as_statsmodels_does_it() -> None:
    assert holm(CHANCES) == pytest.approx(HOLM)
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_an_adjusted_chance_is_never_below_the_chance_nor_out_of_order(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert all(one <= other <= 1 for one, other in zip(chances, adjusted, strict=True))
    order = sorted(range(len(chances)), key=chances.__getitem__)
    assert [adjusted[place] for place in order] == sorted(adjusted)


@given(st.floats(0, 300), st.integers(1, 12))
def test_the_tail_of_chi_squared_is_that_of_scipy(statistic: float, degrees: int) -> None:
    assert chi_squared_above(statistic, degrees) == pytest.approx(
        stats.chi2.sf(statistic, degrees), rel=1e-9, abs=1e-80
    )


def test_intervals_agree_with_draws_of_whole_clusters() -> None:
    random = np.random.default_rng(3)
    clusters = random.integers(400, size=6000)
    pull, groups = random.normal(size=400), random.integers(2, size=6000)
    outcomes = (random.random(6000) < 1 / (1 + np.exp(1 - pull[clusters] - 0.3 * groups))).astype(np.int64)
    found = grouped(clusters, groups, outcomes, 2)

    rows = [np.flatnonzero(clusters == cluster) for cluster in range(400)]
    drawn = []
    for _ in range(1500):
        picked = np.concatenate([rows[cluster] for cluster in random.integers(400, size=400)])
        means = [outcomes[picked][groups[picked] == group].mean() for group in (0, 1)]
        drawn.append((*means, means[1] - means[0]))
    for told, values in zip(
        [*(mean.interval for mean in found.means(shares=True)), found.difference(1, 0)[1]],
        np.transpose(drawn),
        strict=True,
    ):
        assert told == pytest.approx(np.quantile(values, [0.025, 0.975]), abs=0.006)


def test_a_feature_of_whole_clusters_is_found_by_chance_as_rarely_as_it_says() -> None:
    """Taking each row for independent would claim an association far too often."""
    random, rounds = np.random.default_rng(5), 300
    ours = naive = 0
    for _ in range(rounds):
        clusters = np.repeat(np.arange(80), 12)
        groups = random.integers(3, size=80)[clusters]
        likely = random.beta(1, 2, size=80)
        outcomes = (random.random(len(clusters)) < likely[clusters]).astype(np.int64)
        ours += grouped(clusters, groups, outcomes, 3).chance() <= 0.05
        table = [np.bincount(outcomes[groups == group], minlength=2) for group in range(3)]
        naive += stats.chi2_contingency(table).pvalue <= 0.05

    assert 0.01 <= ours / rounds <= 0.09
    assert naive / rounds > 0.3


def test_few_decisions_or_clusters_give_no_figure() -> None:
    ten_households = np.repeat(np.arange(10), 20)
    clusters = np.concatenate([ten_households, np.arange(29), np.arange(30)])
    groups = np.repeat([0, 1, 2], [200, 29, 30])
    few, fewer, enough = grouped(clusters, groups, groups % 2, 3).means(shares=True)

    assert (few.rows, few.clusters, few.mean, few.interval) == (200, 10, None, None)
    assert (fewer.rows, fewer.mean) == (29, None)
    assert (enough.rows, enough.clusters, enough.mean) == (30, 30, 0.0)


def test_a_share_of_none_has_an_interval_as_of_so_many_clusters() -> None:
    low, high = wilson(0.0, 0.0, clusters=40, rows=400)
    assert (low, high) == pytest.approx((0.0, Z**2 / (40 + Z**2)))


def test_groups_without_any_outcome_do_not_spoil_the_comparison() -> None:
    clusters = np.arange(300)
    groups = np.repeat([0, 1, 2], 100)
    outcomes = np.zeros(300, np.int64)
    assert grouped(clusters, groups, outcomes, 3).chance() == 1.0
    outcomes[200:230] = 1
    found = grouped(clusters, groups, outcomes, 3)
    assert found.chance() < 1e-6
    assert not math.isnan(found.difference(2, 0)[0])
