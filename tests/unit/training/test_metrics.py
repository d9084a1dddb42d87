"""The measures against independent oracles: every pair counted by hand, the formula written out, a normal theory."""

from __future__ import annotations

import math
import sys
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from assembly_line.metrics import auc, cluster_bootstrap, log_loss, rule_figure

ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 1.0]), st.integers(0, 1)), max_size=40)


@given(rows=ROWS)
def test_auc_is_the_share_of_pairs_in_the_right_order_and_a_tie_counts_half(rows: list[tuple[float, int]]) -> None:
    ups = [score for score, outcome in rows if outcome]
    downs = [score for score, outcome in rows if not outcome]

    found = auc([score for score, _ in rows], [outcome for _, outcome in rows])

    if not ups or not downs:
        assert found is None
    else:
        pairs = [1.0 if up > down else 0.5 if up == down else 0.0 for up, down in product(ups, downs)]
        assert found == pytest.approx(math.fsum(pairs) / len(pairs), abs=1e-12)


def test_auc_equals_the_mann_whitney_statistic() -> None:
    random = np.random.default_rng(3)
    scores, outcomes = random.integers(0, 30, 500) / 30, random.integers(0, 2, 500)

    statistic = mannwhitneyu(scores[outcomes == 1], scores[outcomes == 0]).statistic

    assert auc(scores, outcomes) == pytest.approx(statistic / (outcomes.sum() * (1 - outcomes).sum()))


def test_log_loss_is_the_mean_surprise_and_a_sure_wrong_answer_stays_finite() -> None:
    assert log_loss([0.8, 0.3], [1, 0]) == pytest.approx(-(math.log(0.8) + math.log(0.7)) / 2)
    assert log_loss([0.0], [1]) == pytest.approx(-math.log(1e-15))
    assert log_loss([1.0], [0]) == pytest.approx(-math.log(1e-15), rel=1e-2)


def test_what_cannot_be_computed_is_none_and_never_nan() -> None:
    assert auc([], []) is None
    assert auc([0.2, 0.4], [1, 1]) is None
    assert log_loss([], []) is None
    assert cluster_bootstrap(auc, [0.2, 0.4], [1, 1], ["a", "b"]) is None
    assert cluster_bootstrap(auc, [0.2, 0.4], [1, 0], ["a", "a"]) is None
    # Of two clusters with one class each, half of the resamples hold one class only.
    assert cluster_bootstrap(auc, [0.2, 0.4], [1, 0], ["a", "b"]) is None


@pytest.mark.parametrize(
    ("scores", "outcomes", "message"),
    [
        ([0.1, 0.2], [1], "one length"),
        ([0.1, math.nan], [1, 0], "finite scores, got nan"),
        ([0.1, math.inf], [1, 0], "finite scores, got inf"),
        ([0.1, 0.2], [1, 2], "outcomes 0 or 1"),
    ],
)
def test_malformed_input_is_an_error(scores: list[float], outcomes: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        auc(scores, outcomes)


def test_log_loss_refuses_what_is_no_probability() -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\]"):
        log_loss([1.2, 0.2], [1, 0])


def test_the_interval_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    scores, outcomes, clusters = sample(clusters=60, rows_each=3, seed=1)

    first = cluster_bootstrap(auc, scores, outcomes, clusters, draws=200, seed=4)

    assert first == cluster_bootstrap(auc, scores, outcomes, clusters, draws=200, seed=4)
    assert first != cluster_bootstrap(auc, scores, outcomes, clusters, draws=200, seed=5)


def test_the_interval_agrees_with_resampling_written_out_row_by_row() -> None:
    scores, outcomes, clusters = sample(clusters=50, rows_each=4, seed=2)
    random = np.random.default_rng(11)
    found = []
    for _ in range(1000):
        picked = random.integers(50, size=50)
        rows = np.concatenate([np.flatnonzero(clusters == cluster) for cluster in picked])
        found.append(auc(scores[rows], outcomes[rows]) or 0.0)

    low, high = np.quantile(found, [0.025, 0.975])

    assert cluster_bootstrap(auc, scores, outcomes, clusters) == pytest.approx((low, high), abs=0.015)


def test_rows_that_repeat_in_a_cluster_do_not_narrow_the_interval() -> None:
    scores, outcomes, clusters = sample(clusters=80, rows_each=1, seed=3)
    once = cluster_bootstrap(log_loss, scores, outcomes, clusters, seed=1)

    repeated = [np.repeat(values, 9) for values in (scores, outcomes, clusters)]
    again = cluster_bootstrap(log_loss, *repeated, seed=1)

    assert once is not None
    assert again == pytest.approx(once)


def sample(*, clusters: int, rows_each: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    member = np.repeat(np.arange(clusters), rows_each)
    scores = np.clip(random.random(clusters)[member] * 0.7 + random.random(member.size) * 0.3, 0, 1)
    return scores, (random.random(member.size) < scores).astype(int), member


KNOWN = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-sys.float_info.max, -9.1e15, -9.1e15 - 2, -(2**53) - 1, -(2**53), -0.0, 0, 5e-324]),
)


@given(st.lists(st.tuples(st.none() | KNOWN, st.sampled_from([0, 1])), min_size=1, max_size=30))
def test_for_the_rule_unknown_is_below_every_value_whatever_the_values_are(
    rows: list[tuple[float | None, int]],
) -> None:
    """Against the definition, pair by pair, in exact arithmetic."""

    def wins(up: float | None, down: float | None) -> Fraction:
        if up is None or down is None:
            return Fraction(1, 2) if up is down else Fraction(int(down is None))
        return Fraction(1, 2) if up == down else Fraction(int(Fraction(up) > Fraction(down)))

    ups, downs = ([value for value, outcome in rows if outcome == wanted] for wanted in (1, 0))
    found = rule_figure(auc, [value for value, _ in rows], [outcome for _, outcome in rows])

    if not ups or not downs or all(value is None for value, _ in rows):
        assert found is None
    else:
        pairs = [wins(up, down) for up in ups for down in downs]
        assert found == pytest.approx(float(sum(pairs) / len(pairs)), abs=1e-12)


def test_an_unknown_value_ranks_below_values_so_low_that_one_less_is_the_same_number() -> None:
    assert rule_figure(auc, [None, -9.1e15], [0, 1]) == 1.0
    assert rule_figure(auc, [None, -sys.float_info.max], [0, 1]) == 1.0
    assert rule_figure(auc, [None, -(2**63)], [0, 1]) == 1.0
