"""How good scores are against what happened: AUC, log loss, and intervals that respect who the rows belong to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Metric = Callable[[ArrayLike, ArrayLike], float | None]

# A score of exactly 0 or 1 that turns out wrong would cost infinitely much.
SMALLEST_PROBABILITY = 1e-15
# Rows times draws held at once: 32 MB of weights.
BLOCK = 4_000_000
# An interval over the few draws that happened to be computable would describe another sample.
COMPUTABLE_SHARE = 0.9


def auc(scores: ArrayLike, outcomes: ArrayLike) -> float | None:
    """Probability that a random positive scores above a random negative; a tie counts half.

    Args:
        scores: shape (n,), finite; only their order matters.
        outcomes: shape (n,), each 0 or 1, same order as `scores`.

    Returns:
        A number in [0, 1], or None where it is not computable: no rows, or only one class.

    Raises:
        ValueError: the shapes differ, a score is not finite, or an outcome is not 0 or 1.

    Source:
        Mann and Whitney (1947), "On a Test of Whether one of Two Random Variables is Stochastically Larger than the
        Other"; equal to the area under the ROC curve by Hanley and McNeil (1982).
    """
    checked, positive = _checked(scores, outcomes)
    return _single(_weighted_auc(checked, positive, np.ones((1, checked.size))))


def rule_auc(values: Sequence[float | None], outcomes: ArrayLike) -> float | None:
    """AUC of the one-feature rule: a higher value means likelier; unknown is below every value, whatever they are.

    Args:
        values: the feature's, None where unknown; never NaN. Integers are compared exactly.
        outcomes: each 0 or 1, same order as `values`.

    Returns:
        A number in [0, 1], or None where it is not computable: no value is known, or there is only one class.
    """
    places = {value: place for place, value in enumerate(sorted({value for value in values if value is not None}), 1)}
    return auc([0 if value is None else places[value] for value in values], outcomes) if places else None


def log_loss(scores: ArrayLike, outcomes: ArrayLike) -> float | None:
    """Mean negative log-likelihood of the outcomes in nats; a proper score: the true probabilities minimise it.

    Args:
        scores: shape (n,), probabilities in [0, 1] of the outcome 1; moved 1e-15 away from 0 and 1.
        outcomes: shape (n,), each 0 or 1, same order as `scores`.

    Returns:
        A number of at least 0, or None without rows.

    Raises:
        ValueError: the shapes differ, a score is outside [0, 1], or an outcome is not 0 or 1.

    Source:
        Good (1952), "Rational Decisions", Journal of the Royal Statistical Society B 14.
    """
    checked, positive = _checked(scores, outcomes)
    return _single(_weighted_log_loss(checked, positive, np.ones((1, checked.size))))


def cluster_bootstrap(
    metric: Metric,
    scores: ArrayLike,
    outcomes: ArrayLike,
    clusters: Sequence[object] | NDArray[np.generic],
    *,
    draws: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """Percentile interval of a metric when whole clusters are drawn with replacement.

    Rows of one cluster (one household, say) resemble each other: drawing single rows makes the interval too narrow.

    Args:
        metric: `auc` or `log_loss`.
        scores: shape (n,), as the metric wants them.
        outcomes: shape (n,), each 0 or 1.
        clusters: n values, such as the first entity's key; equal values are one cluster.
        draws: how many resamples.
        seed: the same seed gives the same interval.
        level: share of the resamples between the two limits, in (0, 1).

    Returns:
        (low, high), or None where it is not computable: fewer than two clusters, or the metric itself is not computable
        in the sample or in more than a tenth of the resamples.

    Raises:
        ValueError: an argument is malformed, or the metric is neither of the two.

    Source:
        Field and Welsh (2007), "Bootstrapping clustered data", Journal of the Royal Statistical Society B 69; Efron and
        Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13, for percentile intervals.
    """
    weighted = _WEIGHTED.get(metric)
    if weighted is None:
        raise ValueError(f"metric {metric!r}: expected auc or log_loss")
    if draws < 1 or not 0 < level < 1:
        raise ValueError(f"expected at least one draw and a level in (0, 1), got {draws} and {level}")
    checked, positive = _checked(scores, outcomes)
    member, count = _members(clusters, checked.size)
    if count < 2 or metric(checked, positive) is None:
        return None
    # Sorted once here, so that no block of draws has to sort again.
    order = np.argsort(checked, kind="stable")
    checked, positive, member = checked[order], positive[order], member[order]
    random = np.random.default_rng(seed)
    step = max(1, BLOCK // max(checked.size, count))
    found = np.concatenate(
        [
            weighted(checked, positive, _drawn(random, min(step, draws - done), count)[:, member])
            for done in range(0, draws, step)
        ]
    )
    found = found[np.isfinite(found)]
    if found.size < COMPUTABLE_SHARE * draws:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checked(scores: ArrayLike, outcomes: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    checked, observed = np.asarray(scores, dtype=np.float64), np.asarray(outcomes)
    if checked.ndim != 1 or checked.shape != observed.shape:
        raise ValueError(f"expected two vectors of one length, got shapes {checked.shape} and {observed.shape}")
    if not np.isfinite(checked).all():
        raise ValueError(f"expected finite scores, got {checked[~np.isfinite(checked)][0]}")
    strange = ~np.isin(observed, (0, 1))
    if strange.any():
        raise ValueError(f"expected outcomes 0 or 1, got {observed[strange][0]!r}")
    return checked, observed == 1


def _weighted_auc(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """AUC for each row of `weights` (shape (draws, n)); NaN where a class has no weight."""
    if not scores.size:
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    ordered, positive = scores[order], positive[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    weights = weights[:, order]
    ups = np.add.reduceat(weights * positive, starts, axis=1)
    downs = np.add.reduceat(weights * ~positive, starts, axis=1)
    below = np.cumsum(downs, axis=1) - downs / 2
    pairs = ups.sum(axis=1) * downs.sum(axis=1)
    with np.errstate(invalid="ignore"):
        found: Floats = (ups * below).sum(axis=1) / pairs
    return found


def _weighted_log_loss(scores: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """Log loss for each row of `weights` (shape (draws, n)); NaN without weight."""
    if scores.size and (scores.min() < 0 or scores.max() > 1):
        raise ValueError(f"expected probabilities in [0, 1], got {scores.min()} to {scores.max()}")
    kept = np.clip(scores, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    losses = -np.where(positive, np.log(kept), np.log1p(-kept))
    with np.errstate(invalid="ignore"):
        found: Floats = weights @ losses / weights.sum(axis=1)
    return found


_WEIGHTED: dict[Metric, Callable[[Floats, NDArray[np.bool_], Floats], Floats]] = {
    auc: _weighted_auc,
    log_loss: _weighted_log_loss,
}


def _single(found: Floats) -> float | None:
    return float(found[0]) if np.isfinite(found[0]) else None


def _members(clusters: Sequence[object] | NDArray[np.generic], rows: int) -> tuple[NDArray[np.intp], int]:
    """Which cluster each row belongs to, numbered by first appearance, and how many there are."""
    numbers: dict[object, int] = {}
    member = [numbers.setdefault(cluster, len(numbers)) for cluster in clusters]
    if len(member) != rows:
        raise ValueError(f"expected a cluster for each of {rows} rows, got {len(member)}")
    return np.array(member, dtype=np.intp), len(numbers)


def _drawn(random: np.random.Generator, draws: int, count: int) -> Floats:
    """How often each of `count` clusters comes up in each draw: shape (draws, count)."""
    picked = random.integers(count, size=(draws, count)) + np.arange(draws)[:, None] * count
    return np.bincount(picked.ravel(), minlength=draws * count).reshape(draws, count).astype(np.float64)
