"""Every measure of every kind: the figures of scikit-learn, what they say of order and noise, and of constants."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.metrics import METRICS, auc, difference, figures
from assembly_line.outcome_kinds import (
    KINDS,
    MEASURES,
    Amount,
    Binary,
    Count,
    Forecast,
    Multiclass,
    OutcomeKind,
    Quantiles,
    Ranking,
    Survival,
    quantile,
)

# Made once with the release that it names, with and without weights of the rows.
ORACLE = json.loads(Path(__file__).with_name("measures_of_scikit_learn.json").read_text(encoding="utf-8"))
OTHERS = json.loads(Path(__file__).with_name("measures_of_other_libraries.json").read_text(encoding="utf-8"))
ONE_OF_EACH: tuple[OutcomeKind, ...] = (
    Binary(),
    Multiclass(classes=("a", "b", "c"), cut="b"),
    Count(),
    Amount(),
    Quantiles(quantiles=(0.1, 0.5, 0.9), cut=0.5),
    Ranking(within=("query",), capacity=0.5),
    Forecast(steps=2, season=1, span=1, keys=("shop",)),
    Survival(days=(3.0, 6.0, 9.0)),
)


@pytest.mark.parametrize("name", ORACLE["cases"])
def test_each_measure_is_scikit_learns_with_and_without_weights(name: str) -> None:
    case, metric = ORACLE["cases"][name], METRICS[name.removeprefix("multiclass_")]

    weighted = metric.of(case["answers"], case["outcomes"], case["levels"])

    assert metric(case["answers"], case["outcomes"], case["levels"]) == pytest.approx(case["figure"], rel=1e-9)
    (found,) = weighted(np.array([ORACLE["weights"]], np.float64))
    assert found == pytest.approx(case["weighted"], rel=1e-9)


@pytest.mark.parametrize("name", OTHERS["cases"])
def test_each_measure_of_order_and_time_is_that_of_other_libraries(name: str) -> None:
    case, metric = OTHERS["cases"][name], METRICS[name]

    weighted = metric.of(case["answers"], case["outcomes"], case["levels"])

    assert metric(case["answers"], case["outcomes"], case["levels"]) == pytest.approx(case["figure"], rel=1e-9)
    (found,) = weighted(np.array([case["weights"]], np.float64))
    assert found == pytest.approx(case["weighted"], rel=1e-9)


def test_no_measure_but_the_correlation_lacks_a_referee() -> None:
    assert set(METRICS) - set(ORACLE["cases"]) - set(OTHERS["cases"]) == {"gini"}
    assert set(METRICS) == set(MEASURES)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("shape", [(0,), (0, 2)])
def test_no_rows_have_no_figure(name: str, shape: tuple[int, ...]) -> None:
    assert METRICS[name]([], []) is None
    assert METRICS[name](np.empty(shape), np.empty(shape), (0.5,)) is None
    with pytest.raises(ValueError, match="one length"):
        METRICS[name]([0.5], [])


OUTCOMES = st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 9)), min_size=2, max_size=25)


@given(OUTCOMES)
def test_the_gini_correlation_is_the_covariance_with_ranks_in_proportion(rows: list[tuple[int, int]]) -> None:
    """By its definition, pair by pair: ties at their mean rank."""
    scores, outcomes = zip(*rows, strict=True)

    def covariance(key: tuple[int, ...]) -> float:
        ranks = [sum(other < one for other in key) + sum(other == one for other in key) / 2 for one in key]
        return float(
            sum(rank * (value - sum(outcomes) / len(rows)) for rank, value in zip(ranks, outcomes, strict=True))
        )

    found = METRICS["gini"](scores, outcomes)

    if len(set(outcomes)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(covariance(scores) / covariance(outcomes), abs=1e-9)


@pytest.mark.parametrize("offset", [1e6, -1e12, 1e15])
def test_the_gini_correlation_is_the_same_whatever_all_outcomes_have_in_common(offset: float) -> None:
    """The digits that an outcome loses to the offset itself are taken off on both sides."""
    random = np.random.default_rng(1)
    outcomes = (random.random(10_000) + offset) - offset
    scores = outcomes + random.normal(size=10_000)
    weights = random.poisson(1, (3, 10_000)).astype(np.float64)

    plain, moved = (METRICS["gini"].of(scores, of, []) for of in (outcomes, outcomes + offset))

    assert METRICS["gini"](scores, outcomes + offset) == pytest.approx(METRICS["gini"](scores, outcomes), abs=1e-12)
    assert moved(weights) == pytest.approx(plain(weights), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from([0, 1])), min_size=2, max_size=25))
def test_of_two_outcomes_the_gini_correlation_is_twice_the_auc_less_one(rows: list[tuple[int, int]]) -> None:
    scores, outcomes = zip(*rows, strict=True)
    area, found = auc(scores, outcomes), METRICS["gini"](scores, outcomes)
    assert (area is None) == (found is None)
    assert found is None or found == pytest.approx(2 * (area or 0) - 1, abs=1e-9)


def sample(kind: OutcomeKind, rows: int, *, seed: int, noise: float) -> tuple[list[Any], list[Any]]:
    """Answers that know the outcomes up to `noise`, and the outcomes."""
    random = np.random.default_rng(seed)
    match kind:
        case Binary() | Multiclass():
            classes = max(kind.width, 2)
            outcomes = random.integers(0, classes, rows)
            raw = np.eye(classes)[outcomes] + noise * random.random((rows, classes)) + 0.05
            shares = raw / raw.sum(axis=1, keepdims=True)
            answers = shares[:, 1:] if isinstance(kind, Binary) else shares
        case Ranking():
            relevances = random.choice([0.0, 1.0, 3.0], rows)
            answers = (relevances + noise * random.normal(0, 1, rows))[:, None]
            # A group is one of the clusters of three rows.
            return [tuple(row) for row in answers.tolist()], list(
                zip(relevances.tolist(), np.arange(rows) // 3, strict=True)
            )
        case Forecast():
            numbers = random.normal(20, 5, (rows, 2))
            answers = numbers + noise * random.normal(0, 1, (rows, 2))
            return [tuple(row) for row in answers.tolist()], [(*row, 2.0) for row in numbers.tolist()]
        case Survival():
            days = random.uniform(0.5, 12, rows)
            event = days <= 9
            late = np.array(kind.days) - days[:, None] + noise * random.normal(0, 2, (rows, 1))
            answers = 1 / (1 + np.exp(-late * 3))
            truths = list(zip(np.minimum(days, 9).tolist(), event.astype(int).tolist(), strict=True))
            return [tuple(row) for row in answers.tolist()], truths
        case _:
            outcomes = random.poisson(6, rows)
            answers = np.abs(outcomes[:, None] + noise * random.normal(0, 1, (rows, kind.width))) + 0.1
            answers = np.sort(answers, axis=1)
    return [tuple(row) for row in answers.tolist()], outcomes.tolist()


def first_of(truths: list[Any]) -> list[float]:
    return [truth[0] if isinstance(truth, tuple) else truth for truth in truths]


@pytest.mark.parametrize("kind", ONE_OF_EACH, ids=lambda kind: kind.name)
def test_every_figure_of_a_kind_is_computed_and_holds_its_interval(kind: OutcomeKind) -> None:
    answers, outcomes = sample(kind, 300, seed=1, noise=0.5)
    clusters = [row // 3 for row in range(300)]

    found = figures(
        kind,
        answers,
        outcomes,
        clusters,
        priors=[kind.prior(outcomes)],
        rule=first_of(outcomes),
        draws=200,
        seed=0,
    )

    assert list(found) == kind.figures
    assert None not in found.values()
    for measure in kind.measures:
        low, high = found[f"{measure.name}_interval"]
        assert low <= found[measure.name] <= high
        if measure.constant is not None:
            assert measure.beats(found[measure.name], found[f"prior_{measure.name}"])


@pytest.mark.parametrize("kind", ONE_OF_EACH, ids=lambda kind: kind.name)
def test_the_constant_beside_a_measure_is_the_best_one(kind: OutcomeKind) -> None:
    """No constant that is a little off costs less on the rows that it was taken from."""
    _, outcomes = sample(kind, 101, seed=2, noise=0)
    prior = kind.prior(outcomes)
    for measure in kind.measures:
        if measure.constant is None:
            continue
        best, metric = kind.constant_answer(prior, measure), METRICS[measure.name]
        cost = metric([best] * 101, outcomes, kind.levels)
        for place in range(kind.width):
            for step in (-0.04, 0.04):
                other = list(best)
                other[place] += step
                if isinstance(kind, Multiclass):
                    other = [number / sum(other) for number in other]
                assert (metric([other] * 101, outcomes, kind.levels) or 0) >= (cost or 0) - 1e-12


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_a_quantile_is_the_first_value_that_so_many_do_not_exceed(labels: list[int], level: float) -> None:
    found = quantile(labels, level)
    assert sum(label <= found for label in labels) >= level * len(labels) - 1e-9
    assert all(sum(label <= lower for label in labels) / len(labels) < level for lower in set(labels) if lower < found)


@pytest.mark.parametrize("kind", ONE_OF_EACH, ids=lambda kind: kind.name)
def test_two_models_on_the_same_decisions_are_told_apart_and_one_is_noise_beside_itself(kind: OutcomeKind) -> None:
    good, outcomes = sample(kind, 300, seed=3, noise=0.5)
    bad, _ = sample(kind, 300, seed=4, noise=0.5)
    clusters = [row // 3 for row in range(300)]

    def says(mine: list[Any], other: list[Any]) -> set[str]:
        return {one["says"] for one in difference(kind, mine, other, outcomes, clusters, draws=200, seed=0).values()}

    assert says(good, bad) == {"better"}
    assert says(bad, good) == {"worse"}
    assert says(good, good) == {"noise"}


def test_models_that_differ_by_chance_alone_are_seldom_called_better_or_worse() -> None:
    """Both answers are the truth and noise of one size. A 95 % interval errs in one case of twenty."""
    verdicts = []
    for seed in range(60):
        random = np.random.default_rng(seed)
        truth = random.normal(0, 1, 150)
        mine, other = (truth + random.normal(0, 1, 150) for _ in range(2))
        found = difference(
            Amount(), list(zip(mine)), list(zip(other)), truth.tolist(), list(range(150)), draws=200, seed=seed
        )
        verdicts.append(found["rmse"]["says"])
    assert verdicts.count("noise") >= 51


def test_pairing_makes_the_interval_of_a_difference_narrow() -> None:
    """What makes a decision hard for both cancels out: far narrower than the two intervals beside each other."""
    random = np.random.default_rng(5)
    truth = random.normal(0, 10, 400)
    shared = random.normal(0, 5, 400)
    mine, other = (list(zip(truth + shared + random.normal(0, 0.1, 400))) for _ in range(2))
    clusters = list(range(400))

    paired = difference(Amount(), mine, other, truth.tolist(), clusters, draws=300, seed=0)["rmse"]["interval"]
    alone = figures(
        Amount(), mine, truth.tolist(), clusters, priors=[{"mean": [0.0], "median": [0.0]}],
        rule=[0.0] * 400, draws=300, seed=0,
    )["rmse_interval"]  # fmt: skip

    assert paired[1] - paired[0] < (alone[1] - alone[0]) / 5


def test_the_table_names_each_kind_once_and_every_kind_can_be_beaten() -> None:
    assert set(KINDS) == {kind.name for kind in ONE_OF_EACH}
    for kind in KINDS.values():
        assert any(measure.constant for measure in kind.measures)
    assert all(one.name != other.name for one, other in pairwise(MEASURES.values()))
