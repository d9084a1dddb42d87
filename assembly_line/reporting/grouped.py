"""Means of groups of decisions, their uncertainty, and whether the groups differ by more than chance.

Decisions of one cluster (one household, say) resemble each other. So whole clusters are what varies here: every figure
comes from one sum for each cluster and group, however many decisions there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Interval = tuple[float, float]

LEVEL = 0.95
# Of fewer, a figure says more about chance than about the decisions. The intervals rely on many clusters.
LEAST_ROWS, LEAST_CLUSTERS = 30, 20
_Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean outcome of a group, a share where outcomes are 0 and 1.

    Args:
        rows: decisions.
        clusters: that they belong to.
        mean: None where they are too few to say.
        interval: 95 %.
    """

    rows: int
    clusters: int
    mean: float | None
    interval: Interval | None

    @property
    def enough(self) -> bool:
        return self.mean is not None


class Grouped:
    """Outcomes summed by cluster and group.

    Args:
        clusters: of each sum, a number from 0 on.
        groups: of each sum, a number from 0 to below `count`.
        rows: how many decisions it sums up; or their weights, where decisions weigh differently.
        totals: of their outcomes, weighted likewise.
        count: how many groups there are.
    """

    def __init__(
        self,
        clusters: NDArray[Any],
        groups: NDArray[Any],
        rows: NDArray[Any],
        totals: NDArray[Any],
        *,
        count: int,
    ) -> None:
        members, codes = np.unique(clusters, return_inverse=True)
        place, shape = codes * count + groups, (len(members), count)
        size = len(members) * count
        summed = (np.bincount(place, np.asarray(each, np.float64), size) for each in (rows, totals))
        self.rows, self.totals = (np.asarray(each, np.float64).reshape(shape) for each in summed)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many decisions each group has."""
        return np.asarray(np.rint(self.rows.sum(axis=0)), np.int64)

    @property
    def clusters(self) -> NDArray[np.int64]:
        """How many clusters each group has decisions of."""
        return np.asarray((self.rows > 0).sum(axis=0), np.int64)

    @property
    def enough(self) -> NDArray[np.bool_]:
        """Which groups have enough decisions and clusters for a figure."""
        return (self.sizes >= LEAST_ROWS) & (self.clusters >= LEAST_CLUSTERS)

    def only(self, groups: Sequence[int] | NDArray[Any]) -> Grouped:
        """These groups alone, and the clusters that they have decisions of."""
        chosen = object.__new__(Grouped)
        kept = self.rows[:, groups].sum(axis=1) > 0
        chosen.rows, chosen.totals = self.rows[kept][:, groups], self.totals[kept][:, groups]
        return chosen

    def means(self, *, shares: bool) -> list[Mean]:
        """Each group's mean and interval; for shares an interval within 0 and 1."""
        found, errors = self._estimates(), np.sqrt(np.diag(self._covariance()))
        told = []
        for group, (rows, clusters, enough) in enumerate(zip(self.sizes, self.clusters, self.enough, strict=True)):
            mean, error = float(found[group]), float(errors[group])
            interval = None
            if enough:
                interval = wilson(mean, error, int(clusters), int(rows)) if shares else around(mean, error)
            told.append(Mean(int(rows), int(clusters), mean if enough else None, interval))
        return told

    def estimate(self, group: int) -> tuple[float, float]:
        """The mean of a group, and its standard error."""
        return float(self._estimates()[group]), math.sqrt(self._covariance()[group, group])

    def combined(self, weights: Sequence[float]) -> tuple[float, Interval]:
        """A sum of the groups' means, each with its weight, and its interval."""
        by = np.asarray(weights, np.float64)
        value = float(by @ self._estimates())
        return value, around(value, math.sqrt(max(float(by @ self._covariance() @ by), 0.0)))

    def difference(self, one: int, other: int) -> tuple[float, Interval]:
        """How far the mean of `one` lies above that of `other`."""
        weights = np.zeros(self.rows.shape[1])
        weights[[one, other]] = 1, -1
        return self.combined(weights.tolist())

    def chance(self) -> float:
        """How probable groups that differ at least as much are, if the outcome goes along with no group.

        The score test of equal means, with the variance between clusters; chi-squared, groups less one degrees. It
        needs no variance of each group alone, so a group without any event does not spoil it.

        Source:
            Boos (1992), "On Generalized Score Tests", The American Statistician 46.
        """
        size, held = self.rows.sum(), self.rows.sum(axis=0)
        mean = self.totals.sum() / size
        above = self.totals - mean * self.rows
        scores = (above - held / size * above.sum(axis=1, keepdims=True))[:, 1:]
        total, variance = scores.sum(axis=0), scores.T @ scores
        rank = int(np.linalg.matrix_rank(variance, hermitian=True))
        if rank == 0:
            return 1.0
        statistic = float(total @ np.linalg.pinv(variance, hermitian=True) @ total)
        return chi_squared_above(statistic, rank)

    def _estimates(self) -> Floats:
        held = self.rows.sum(axis=0)
        found: Floats = np.divide(self.totals.sum(axis=0), held, out=np.zeros_like(held), where=held > 0)
        return found

    def _covariance(self) -> Floats:
        """Of the means, by how each cluster pulls at them (linearised), for finitely many clusters."""
        held = self.rows.sum(axis=0)
        pulls = self.totals - self._estimates() * self.rows
        pulls = np.divide(pulls, held, out=np.zeros_like(pulls), where=held > 0)
        number = self.clusters
        corrected = pulls * np.sqrt(number / np.maximum(number - 1, 1))
        found: Floats = corrected.T @ corrected
        return found


def around(value: float, error: float) -> Interval:
    """The interval of a figure that varies normally."""
    return value - _Z * error, value + _Z * error


def wilson(share: float, error: float, clusters: int, rows: int) -> Interval:
    """The interval of a share from as many independent decisions as would vary as these do; within 0 and 1.

    Without any variation each cluster counts as one decision.

    Source:
        Wilson (1927); Korn and Graubard (1998) for the effective number, Survey Methodology 24.
    """
    number = float(clusters) if error == 0 else min(share * (1 - share) / error**2, float(rows))
    middle = (share + _Z**2 / (2 * number)) / (1 + _Z**2 / number)
    half = _Z / (1 + _Z**2 / number) * math.sqrt(share * (1 - share) / number + _Z**2 / (4 * number**2))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def chi_squared_above(statistic: float, degrees: int) -> float:
    """How probable a higher value of chi-squared is: the upper tail, in closed form for whole degrees."""
    half = statistic / 2
    if half <= 0:
        return 1.0
    if degrees % 2:
        found, term, step = math.erfc(math.sqrt(half)), math.sqrt(half / math.pi) * 2 * math.exp(-half), 1.5
    else:
        found, term, step = math.exp(-half), half * math.exp(-half), 2.0
    for _ in range((degrees - 1) // 2):
        found += term
        term *= half / step
        step += 1
    return min(found, 1.0)


def holm(chances: Sequence[float]) -> list[float]:
    """Each chance adjusted for all of them: those at most a hold a false one with probability a at most.

    It holds however the looks depend on each other.

    Source:
        Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6.
    """
    adjusted, highest = [0.0] * len(chances), 0.0
    for done, place in enumerate(sorted(range(len(chances)), key=lambda one: chances[one])):
        highest = max(highest, min(1.0, chances[place] * (len(chances) - done)))
        adjusted[place] = highest
    return adjusted
