"""Measures of outcomes that are more than one number: an order within groups, several steps, a time to an event."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.outcome_kinds import places

Floats = NDArray[np.float64]
# A measure once answers and outcomes are given: weights of the rows, shape (draws, n), to one figure a draw, NaN where
# it is not computable.
Weighted = Callable[[Floats], Floats]


def in_order(key: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order of the rows, and where a new value begins in it; done once, so that no block of draws sorts again."""
    order = np.argsort(key, kind="stable")
    return order, np.flatnonzero(_begins(key[order]))


def _begins(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value begins that the row before has not."""
    return np.concatenate(([True], ordered[1:] != ordered[:-1]))


def ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(above / below)


def ndcg(answers: Floats, outcomes: Floats, capacity: Sequence[float] = ()) -> Weighted:
    """The mean over the groups in which anything can be told: relevances differ, and a place is judged.

    A group weighs as its rows do on average.
    """
    relevances, groups = outcomes[:, 0], outcomes[:, 1]
    judged = _places(groups, capacity)
    found, best = (_gains(key, relevances, groups, judged) for key in (answers[:, 0], relevances))
    order, starts = in_order(groups)
    sizes = np.diff(np.append(starts, len(groups)))
    low, high = (of.reduceat(relevances[order], starts) for of in (np.minimum, np.maximum))
    told = (low < high) & (judged[order][starts] > 0)
    figures = np.divide(found, best, out=np.zeros(len(found)), where=told)

    def weighted(weights: Floats) -> Floats:
        held = np.add.reduceat(weights[:, order], starts, axis=1) / sizes * told
        return ratio(held @ figures, held.sum(axis=1))

    return weighted


def _places(groups: Floats, capacity: Sequence[float]) -> NDArray[np.intp]:
    """How many places of its group are judged, row by row: those that can be acted on, or all."""
    _, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    judged = [places(share, size) for share in capacity for size in sizes.tolist()] or sizes
    return np.asarray(judged, np.intp)[member]


def _gains(key: Floats, relevances: Floats, groups: Floats, judged: NDArray[np.intp]) -> Floats:
    """Discounted cumulative gain of each group ordered by `key`; equal keys share the mean of their discounts."""
    order = np.lexsort((-key, groups))
    begins = _begins(groups[order])
    place = np.arange(len(order)) - np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    discounts = np.where(place < judged[order], 1 / np.log2(place + 2), 0.0)
    ties = np.flatnonzero(begins | _begins(key[order]))
    shared = np.add.reduceat(discounts, ties) / np.diff(np.append(ties, len(order)))
    gains = np.add.reduceat(relevances[order], ties) * shared
    return np.asarray(np.add.reduceat(gains, np.flatnonzero(begins[ties])))


def distances(answers: Floats, outcomes: Floats) -> Floats:
    """The mean over the steps, where there are several."""
    numbers = outcomes.reshape(len(outcomes), -1)[:, : answers.shape[1]]
    return np.asarray(np.abs(answers - numbers).mean(axis=1))


def mase(answers: Floats, outcomes: Floats, _levels: Sequence[float]) -> Weighted:
    """The scale of its series stands last in an outcome; a row without one is left out."""
    scales = outcomes[:, -1]
    told = scales > 0
    costs = np.divide(distances(answers, outcomes), scales, out=np.zeros(len(scales)), where=told)
    return lambda weights: ratio(weights @ costs, weights @ told)


def concordance(answers: Floats, outcomes: Floats, _days: Sequence[float]) -> Weighted:
    """The score is that of the last day. Pairs are counted bit by bit of the rank in time, each at its highest
    bit that differs, so that no pair is formed by itself.
    """
    score, (days, event) = answers[:, -1], outcomes.T
    # An observation that ends without the event at the instant of another's goes on behind it.
    _, rank = np.unique(np.stack([days, 1 - event]), axis=1, return_inverse=True)
    rank = rank.reshape(-1)
    levels = [_Pairs.of(rank, bit, score, event == 1) for bit in range(int(rank.max(initial=0)).bit_length())]

    def weighted(weights: Floats) -> Floats:
        found = [level.counted(weights) for level in levels] or [np.zeros((2, len(weights)))]
        concordant, comparable = np.sum(found, axis=0)
        return ratio(concordant, comparable)

    return weighted


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pairs of rows whose ranks in time first differ in one bit, in order of block and score.

    Args:
        order: of the rows.
        early: places of those that can be the earlier one of a pair, as their event was seen.
        late: which rows can be the later one.
        first, last: where the rows of the block with an early one's score begin and end.
        begin, end: where its block does.
    """

    order: NDArray[np.intp]
    early: NDArray[np.intp]
    late: NDArray[np.bool_]
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    begin: NDArray[np.intp]
    end: NDArray[np.intp]

    @classmethod
    def of(cls, rank: NDArray[np.intp], bit: int, score: Floats, event: NDArray[np.bool_]) -> _Pairs:
        block = rank >> (bit + 1)
        order = np.lexsort((score, block))
        begins = _begins(block[order])
        late: NDArray[np.bool_] = (rank[order] >> bit) % 2 == 1
        begin, end = _bounds(begins)
        first, last = _bounds(begins | _begins(score[order]))
        early = np.flatnonzero(~late & event[order])
        return cls(order, early, late, *(bound[early] for bound in (first, last, begin, end)))

    def counted(self, weights: Floats) -> Floats:
        """Concordant and comparable pairs of each draw; a tie of scores is half concordant."""
        weights = weights[:, self.order]
        later = np.zeros((len(weights), weights.shape[1] + 1))
        np.cumsum(weights * self.late, axis=1, out=later[:, 1:])
        own, begin = weights[:, self.early], later[:, self.begin]
        below = (later[:, self.first] + later[:, self.last]) / 2 - begin
        return np.stack([(own * below).sum(axis=1), (own * (later[:, self.end] - begin)).sum(axis=1)])


def _bounds(begins: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """For each row where its run begins, and where the next one does."""
    starts = np.flatnonzero(begins)
    run = np.cumsum(begins) - 1
    return starts[run], np.append(starts, len(begins))[run + 1]


def integrated_brier(answers: Floats, outcomes: Floats, days: Sequence[float]) -> Weighted:
    """The mean over the days from the first on; rows that end earlier without the event weigh through the others."""
    order = np.lexsort((1 - outcomes[:, 1], outcomes[:, 0]))
    answers, (ends, event) = answers[order], outcomes[order].T
    # How many rows ended before a row did, or before a day.
    before, before_day = np.searchsorted(ends, ends), np.searchsorted(ends, days)
    seen = [(ends <= day) & (event == 1) for day in days]
    over = [(ends > day) | ((ends == day) & (event == 0)) for day in days]

    def weighted(weights: Floats) -> Floats:
        weights = weights[:, order]
        kept = _uncensored(weights, event == 0)
        costs = []
        for place, number in enumerate(before_day):
            happened = np.where(seen[place], (1 - answers[:, place]) ** 2, 0.0)
            still = np.where(over[place], answers[:, place] ** 2, 0.0)
            costs.append(ratio(weights, kept[:, before]) @ happened + ratio(weights @ still, kept[:, number]))
        scores = ratio(np.array(costs), weights.sum(axis=1))
        return np.asarray(np.trapezoid(scores, days, axis=0) / (days[-1] - days[0]))

    return weighted


def _uncensored(weights: Floats, censored: NDArray[np.bool_]) -> Floats:
    """The probability of being observed still after so many rows have ended, by Kaplan and Meier: shape (draws, n + 1).

    Args:
        weights: of the rows, in the order in which they end.
    """
    left = np.cumsum(weights[:, ::-1], axis=1)[:, ::-1]
    share = np.divide(weights * censored, left, out=np.zeros_like(weights), where=left > 0)
    kept = np.ones((len(weights), weights.shape[1] + 1))
    np.cumprod(1 - share, axis=1, out=kept[:, 1:])
    return kept
