"""How good answers are against what happened, and intervals that respect who the rows belong to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assembly_line.metrics.structured import (
    Floats,
    Weighted,
    concordance,
    distances,
    in_order,
    integrated_brier,
    mase,
    ndcg,
    ratio,
)
from assembly_line.outcome_kinds import Answer, Measure, OutcomeKind, Prior, Truth

Interval = tuple[float, float]

# An answer of exactly 0 or 1 that turns out wrong would cost infinitely much.
SMALLEST = 1e-15
# Rows times draws held at once: 32 MB of weights.
BLOCK = 4_000_000
# An interval over the few draws that happened to be computable would describe another sample.
COMPUTABLE_SHARE = 0.9
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Metric:
    """One measure.

    Args:
        weighted: of answers (shape (n, k), finite), outcomes (shape (n,), or (n, 2) where the kind has two) and the
            kind's levels, if any.
        binary: outcomes are 0 or 1.
        probabilities: answers lie in [0, 1].
    """

    weighted: Callable[[Floats, Floats, Sequence[float]], Weighted]
    binary: bool = False
    probabilities: bool = False

    def of(self, answers: ArrayLike, outcomes: ArrayLike, levels: Sequence[float] = ()) -> Weighted:
        """The measure of these rows, to be weighted.

        Raises:
            ValueError: the shapes differ, an answer is not finite or no probability, or an outcome is not 0 or 1.
        """
        checked, observed = np.asarray(answers, np.float64), np.asarray(outcomes)
        if checked.shape[:1] != observed.shape[:1]:
            raise ValueError(
                f"expected answers and outcomes of one length, got shapes {checked.shape} and {observed.shape}"
            )
        if not np.isfinite(checked).all():
            raise ValueError(f"expected finite scores, got {checked[~np.isfinite(checked)][0]}")
        if self.probabilities and checked.size and (checked.min() < 0 or checked.max() > 1):
            raise ValueError(f"expected probabilities in [0, 1], got {checked.min()} to {checked.max()}")
        strange = ~np.isin(observed, (0, 1)) & self.binary
        if strange.any():
            raise ValueError(f"expected outcomes 0 or 1, got {observed[strange][0]!r}")
        return self.weighted(
            checked.reshape(len(checked), -1 if checked.size else 1), observed.astype(np.float64), levels
        )

    def __call__(self, answers: ArrayLike, outcomes: ArrayLike, levels: Sequence[float] = ()) -> float | None:
        """The figure of all rows, or None where it is not computable."""
        rows = len(np.asarray(outcomes))
        if not rows and not len(np.asarray(answers)):
            return None
        return _single(self.of(answers, outcomes, levels)(np.ones((1, rows))))


def rule_figure(
    metric: Metric, values: Sequence[float | None] | Floats, outcomes: ArrayLike, levels: Sequence[float] = ()
) -> float | None:
    """The figure of the one-feature rule: a higher value means likelier; unknown is below every value.

    Args:
        metric: one that only sees order.
        values: the feature's, None where unknown, or NaN in an array. Integers of a list are compared exactly.
        outcomes: same order as `values`.

    Returns:
        None where it is not computable: no value is known, or the metric itself is not.
    """
    if isinstance(values, np.ndarray):
        known = ~np.isnan(values)
        places = np.zeros(len(values))
        places[known] = np.unique(values[known], return_inverse=True)[1] + 1
        return metric(places, outcomes, levels) if known.any() else None
    ranks = {value: rank for rank, value in enumerate(sorted({value for value in values if value is not None}), 1)}
    return metric([0 if value is None else ranks[value] for value in values], outcomes, levels) if ranks else None


def cluster_bootstrap(
    metric: Metric,
    answers: ArrayLike,
    outcomes: ArrayLike,
    clusters: Sequence[object] | NDArray[np.generic],
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> Interval | None:
    """Percentile interval of one metric when whole clusters are drawn with replacement; see `intervals`."""
    if metric(answers, outcomes) is None:
        return None
    weighted = {"": metric.of(answers, outcomes)}
    return intervals(weighted, clusters, rows=len(np.asarray(outcomes)), draws=draws, seed=seed, level=level)[""]


def intervals(
    weighted: Mapping[str, Weighted],
    clusters: Sequence[object] | NDArray[np.generic],
    *,
    rows: int,
    draws: int = 1000,
    seed: int = 0,
    level: float = LEVEL,
) -> dict[str, Interval | None]:
    """Percentile intervals of several figures over the same draws of whole clusters with replacement.

    Rows of one cluster (one household, say) resemble each other: drawing single rows makes the interval too narrow.

    Args:
        weighted: name -> a figure of the weights of the rows: a measure, or the difference of two.
        clusters: a value for each row, such as the first entity's key; equal values are one cluster.
        draws: how many resamples.
        seed: the same seed gives the same intervals.
        level: share of the resamples between the two limits, in (0, 1).

    Returns:
        name -> (low, high), or None where it is not computable: fewer than two clusters, or the figure is not in more
        than a tenth of the resamples.

    Raises:
        ValueError: an argument is malformed.

    Source:
        Field and Welsh (2007), "Bootstrapping clustered data", Journal of the Royal Statistical Society B 69; Efron and
        Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13, for percentile intervals.
    """
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"expected at least one draw and a level in (0, 1), got {draws} and {level}")
    member, count = _members(clusters, rows)
    if count < 2:
        return dict.fromkeys(weighted)
    random = np.random.default_rng(seed)
    step = max(1, BLOCK // max(rows, count))
    found: dict[str, list[Floats]] = {name: [] for name in weighted}
    for done in range(0, draws, step):
        weights = _drawn(random, min(step, draws - done), count)[:, member]
        for name, figure in weighted.items():
            found[name].append(figure(weights))
    return {name: _limits(np.concatenate(parts), draws, level) for name, parts in found.items()}


def _limits(found: Floats, draws: int, level: float) -> Interval | None:
    found = found[np.isfinite(found)]
    if found.size < COMPUTABLE_SHARE * draws:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def figures(
    kind: OutcomeKind,
    answers: Sequence[Answer] | Floats,
    outcomes: Sequence[Truth] | NDArray[Any],
    clusters: Sequence[object] | NDArray[Any],
    *,
    priors: Sequence[Prior],
    prior_of: NDArray[np.intp] | None = None,
    rule: Sequence[float | None] | Floats,
    draws: int,
    seed: int,
) -> dict[str, Any]:
    """Every measure of a kind: the figure, its interval, and beside it those of the constant answer and of the rule.

    Args:
        kind: of the outcome.
        answers, outcomes: in one order; outcomes as the script learns them.
        clusters: rows with an equal value are drawn together.
        priors: what would have been answered without features.
        prior_of: which of the priors is each row's; the first one is everybody's if None.
        rule: value of the one feature, row by row, see `rule_figure`.

    Returns:
        `NAME`, `NAME_interval` (95 %), and `prior_NAME` or `baseline_NAME` where the measure has one. None where it is
        not computable.
    """
    metrics = {measure: METRICS[measure.name] for measure in kind.measures}
    weighted = {measure: metric.of(answers, outcomes, kind.levels) for measure, metric in metrics.items()}
    values = {measure: _single(one(np.ones((1, len(outcomes))))) for measure, one in weighted.items()}
    known = {measure.name: weighted[measure] for measure, value in values.items() if value is not None}
    limits = intervals(known, clusters, rows=len(outcomes), draws=draws, seed=seed)
    found: dict[str, Any] = {}
    for measure, metric in metrics.items():
        found |= {measure.name: values[measure], f"{measure.name}_interval": _listed(limits.get(measure.name))}
        if measure.constant is not None:
            constant = np.array([kind.constant_answer(prior, measure) for prior in priors], np.float64)
            which = np.zeros(len(outcomes), np.intp) if prior_of is None else prior_of
            found[f"prior_{measure.name}"] = metric(constant[which], outcomes, kind.levels)
        if measure.ranks:
            found[f"baseline_{measure.name}"] = rule_figure(metric, rule, outcomes, kind.levels)
    return found


def difference(
    kind: OutcomeKind,
    challenger: Sequence[Answer],
    champion: Sequence[Answer],
    outcomes: Sequence[Truth],
    clusters: Sequence[object],
    *,
    draws: int,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Two models on the same decisions: measure -> both figures, challenger - champion, and what that says.

    Each resample draws the same clusters for both, so that what makes decisions hard for both cancels out. `says` is
    `better` or `worse` where the 95 % interval of the difference leaves 0 out, else `noise`.
    """
    found, paired = {}, {}
    for measure in kind.measures:
        metric = METRICS[measure.name]
        mine, other = (metric(answers, outcomes, kind.levels) for answers in (challenger, champion))
        if mine is None or other is None:
            continue
        found[measure] = {"challenger": mine, "champion": other, "difference": mine - other}
        of = [metric.of(answers, outcomes, kind.levels) for answers in (challenger, champion)]
        paired[measure.name] = _minus(*of)
    limits = intervals(paired, clusters, rows=len(outcomes), draws=draws, seed=seed)
    return {
        measure.name: {**one, "interval": _listed(limits[measure.name]), "says": _says(measure, limits[measure.name])}
        for measure, one in found.items()
    }


def _listed(interval: Interval | None) -> list[float] | None:
    """As JSON has it."""
    return None if interval is None else list(interval)


def _minus(one: Weighted, other: Weighted) -> Weighted:
    return lambda weights: one(weights) - other(weights)


def _says(measure: Measure, interval: Interval | None) -> str:
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "noise"
    return "better" if (interval[0] > 0) == measure.higher else "worse"


def _auc(scores: Floats, outcomes: Floats, _levels: Sequence[float] = ()) -> Weighted:
    """NaN where a class has no weight."""
    order, starts = in_order(scores[:, 0])
    positive = outcomes[order] == 1

    def weighted(weights: Floats) -> Floats:
        weights = weights[:, order]
        ups = np.add.reduceat(weights * positive, starts, axis=1)
        downs = np.add.reduceat(weights * ~positive, starts, axis=1)
        below = np.cumsum(downs, axis=1) - downs / 2
        return ratio((ups * below).sum(axis=1), ups.sum(axis=1) * downs.sum(axis=1))

    return weighted


def _macro_auc(scores: Floats, outcomes: Floats, _levels: Sequence[float]) -> Weighted:
    """One class against the rest, for each class."""
    each = [_auc(scores[:, [place]], (outcomes == place) * 1.0) for place in range(scores.shape[1])]
    return lambda weights: np.asarray(np.mean([one(weights) for one in each], axis=0))


def _gini(scores: Floats, outcomes: Floats, _levels: Sequence[float]) -> Weighted:
    """NaN where the outcomes do not vary."""
    by_score, by_outcome = _concentration(scores[:, 0], outcomes), _concentration(outcomes, outcomes)
    return lambda weights: ratio(by_score(weights), by_outcome(weights))


def _concentration(key: Floats, outcomes: Floats) -> Weighted:
    """Covariance of the outcomes with the mean rank by `key`, times the square of the whole weight.

    The ranks are centred, so what all outcomes have in common changes nothing. It is taken off first: beside a large
    one, little would be left of the digits by which outcomes differ.
    """
    order, starts = in_order(key)
    middle = np.partition(outcomes, len(outcomes) // 2)[len(outcomes) // 2]
    ordered = outcomes[order] - middle

    def weighted(weights: Floats) -> Floats:
        weights = weights[:, order]
        held = np.add.reduceat(weights, starts, axis=1)
        ranks = np.cumsum(held, axis=1) - held / 2 - held.sum(axis=1, keepdims=True) / 2
        return np.asarray((np.add.reduceat(weights * ordered, starts, axis=1) * ranks).sum(axis=1))

    return weighted


def _log_losses(answers: Floats, outcomes: Floats) -> Floats:
    kept = np.clip(answers, SMALLEST, 1 - SMALLEST)
    if answers.shape[1] == 1:
        return -np.where(outcomes == 1, np.log(kept[:, 0]), np.log1p(-kept[:, 0]))
    return -np.log(kept[np.arange(len(kept)), outcomes.astype(np.intp)])


def _deviances(answers: Floats, outcomes: Floats) -> Floats:
    expected = np.maximum(answers[:, 0], SMALLEST)
    logs = np.log(np.where(outcomes > 0, outcomes, 1.0) / expected)
    return np.asarray(2 * (np.where(outcomes > 0, outcomes * logs, 0.0) - outcomes + expected))


def _mean_of(losses: Callable[[Floats, Floats], Floats]) -> Callable[[Floats, Floats, Sequence[float]], Weighted]:
    def weighted(answers: Floats, outcomes: Floats, _levels: Sequence[float]) -> Weighted:
        costs = losses(answers, outcomes)
        return lambda weights: ratio(weights @ costs, weights.sum(axis=1))

    return weighted


def _rmse(answers: Floats, outcomes: Floats, levels: Sequence[float]) -> Weighted:
    mean = _mean_of(lambda answers, outcomes: (answers[:, 0] - outcomes) ** 2)(answers, outcomes, levels)
    return lambda weights: np.sqrt(mean(weights))


def _pinball(answers: Floats, outcomes: Floats, levels: Sequence[float]) -> Weighted:
    """The mean over the levels."""

    def losses(answers: Floats, outcomes: Floats) -> Floats:
        short = outcomes[:, None] - answers
        return np.asarray(np.maximum(np.array(levels) * short, (np.array(levels) - 1) * short).mean(axis=1))

    return _mean_of(losses)(answers, outcomes, levels)


# The probability that a random positive scores above a random negative; a tie counts half. None where there is only one
# class. Mann and Whitney (1947); equal to the area under the ROC curve by Hanley and McNeil (1982).
auc = Metric(_auc, binary=True)
# Mean negative log-likelihood in nats of the outcome that came; the true probabilities minimise it. Good (1952).
log_loss = Metric(_mean_of(_log_losses), probabilities=True)
METRICS: dict[str, Metric] = {
    "auc": auc,
    # Hand and Till (2001) discuss it; each class counts alike, however rare it is.
    "macro_auc": Metric(_macro_auc),
    "log_loss": log_loss,
    # Brier (1950): the mean squared distance from the outcome.
    "brier": Metric(_mean_of(lambda answers, outcomes: (answers[:, 0] - outcomes) ** 2), binary=True),
    "rmse": Metric(_rmse),
    "mae": Metric(_mean_of(distances)),
    # Hyndman and Koehler (2006): 1 is as far off as the number of a season ago was in the training part.
    "mase": Metric(mase),
    # McCullagh and Nelder (1989): twice the log-likelihood that is lost against answering each count itself.
    "poisson_deviance": Metric(_mean_of(_deviances)),
    # Koenker and Bassett (1978): the true quantiles minimise it.
    "pinball": Metric(_pinball),
    # Schechtman and Yitzhaki (1987): how well the score orders the outcomes, 1 if as they are, 0 by chance. It is
    # 2 AUC - 1 where outcomes are 0 and 1.
    "gini": Metric(_gini),
    # Järvelin and Kekäläinen (2002), with the relevance itself as gain: 1 if each group is in the best order.
    "ndcg": Metric(lambda answers, outcomes, _capacity: ndcg(answers, outcomes)),
    "ndcg_at_capacity": Metric(ndcg),
    # Harrell, Califf, Pryor, Lee and Rosati (1982): how often the one that saw the event earlier has the higher score.
    "concordance": Metric(concordance),
    # Graf, Schmoor, Sauerbrei and Schumacher (1999), weighted by the inverse probability of being observed still.
    "integrated_brier": Metric(integrated_brier, probabilities=True),
}


def _single(found: Floats) -> float | None:
    return float(found[0]) if np.isfinite(found[0]) else None


def _members(clusters: Sequence[object] | NDArray[np.generic], rows: int) -> tuple[NDArray[np.intp], int]:
    """Which cluster each row belongs to, numbered by first appearance, and how many there are."""
    if isinstance(clusters, np.ndarray) and np.issubdtype(clusters.dtype, np.integer) and len(clusters) == rows:
        _, first, place = np.unique(clusters, return_index=True, return_inverse=True)
        number = np.empty(len(first), np.intp)
        number[np.argsort(first)] = np.arange(len(first))
        return number[place], len(first)
    numbers: dict[object, int] = {}
    member = [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]
    if len(member) != rows:
        raise ValueError(f"expected a cluster for each of {rows} rows, got {len(member)}")
    return np.array(member, dtype=np.intp), len(numbers)


def _drawn(random: np.random.Generator, draws: int, count: int) -> Floats:
    """How often each of `count` clusters comes up in each draw: shape (draws, count)."""
    picked = random.integers(count, size=(draws, count)) + np.arange(draws)[:, None] * count
    return np.bincount(picked.ravel(), minlength=draws * count).reshape(draws, count).astype(np.float64)
