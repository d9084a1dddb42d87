"""Where parts begin: instants chosen so that shares are met as nearly as can be and no instant is split."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from assembly_line.errors import RequestRefused
from assembly_line.features.values.columns import Integers
from assembly_line.instants import format_instant, from_micros, to_micros
from assembly_line.model_types import HOLDOUT, Split


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One fold in time, microseconds: training from `begin` on, validation from `validation`, test from `test`.

    Each part ends where the next one begins; `end` is the first instant after the test part. Without a validation part
    `validation` is None.
    """

    begin: int
    validation: int | None
    test: int
    end: int


def windows(placed: Integers, split: Split) -> list[Window]:
    """The folds of a split, in order of time.

    Args:
        placed: the instant of each row.

    Raises:
        RequestRefused: there are not enough instants for the parts asked for.
    """
    instants, counts = np.unique(placed, return_counts=True)
    if len(instants) < 2:
        raise RequestRefused(
            f"model.split: the rows are at {len(instants)} instant(s); a test part later than the training part needs "
            "at least two; choose a longer period",
            where="model.split",
            value=f"rows at {len(instants)} instant(s)",
            expected="at least two instants",
        )
    first = _first_test(instants, counts, split)
    edges = [*_tests(instants, counts, first, split.folds or 1), len(instants)]
    span = int(instants[first] - instants[0])
    found = []
    for test, end in pairwise(edges):
        begin = int(instants[0] if split.window == "expanding" else instants[test] - span)
        found.append(
            Window(
                begin=begin,
                validation=_validation(instants, counts, begin, test, split),
                test=int(instants[test]),
                end=int(instants[end]) if end < len(instants) else int(instants[-1]) + 1,
            )
        )
    return found


def _first_test(instants: Integers, counts: Integers, split: Split) -> int:
    """The place of the instant at which the first test part begins."""
    if split.boundary is None:
        return 1 + _nearest(_rows_from(counts)[1:], (split.holdout or HOLDOUT) * counts.sum())
    place = int(np.searchsorted(instants, to_micros(split.boundary)))
    if not 0 < place < len(instants):
        raise RequestRefused(
            f"model.split.boundary: {format_instant(split.boundary)} leaves a part empty; the rows are from "
            f"{_shown(instants[0])} to {_shown(instants[-1])}",
            where="model.split.boundary",
            value=format_instant(split.boundary),
            expected=f"after {_shown(instants[0])}, and at most {_shown(instants[-1])}",
        )
    return place


def _tests(instants: Integers, counts: Integers, first: int, folds: int) -> list[int]:
    """Places at which the test parts begin, of about as many rows each."""
    available = len(instants) - first
    if available < folds:
        raise RequestRefused(
            f"model.split.folds: {folds} test parts need as many instants, but from {_shown(instants[first])} on there "
            f"are {available}; ask for fewer folds, or a larger holdout",
            where="model.split.folds",
            value=str(folds),
            expected=f"at most {available}",
        )
    later = _rows_from(counts)
    starts = [first]
    for fold in range(1, folds):
        lower, upper = starts[-1] + 1, len(instants) - (folds - fold)
        wanted = later[first] * (folds - fold) / folds
        starts.append(lower + _nearest(later[lower : upper + 1], wanted))
    return starts


def _validation(instants: Integers, counts: Integers, begin: int, test: int, split: Split) -> int | None:
    if split.validation is None:
        return None
    start = int(np.searchsorted(instants, begin))
    if test - start < 2:
        raise RequestRefused(
            f"model.split.validation: before {_shown(instants[test])} there is {test - start} instant; training and "
            "validation need one each; choose a longer period, or no validation part",
            where="model.split.validation",
            value=f"{test - start} instant(s) before {_shown(instants[test])}",
            expected="at least two instants",
        )
    inside = counts[start:test]
    return int(instants[start + 1 + _nearest(_rows_from(inside)[1:], split.validation * inside.sum())])


def _rows_from(counts: Integers) -> Integers:
    """How many rows there are from each instant on."""
    return np.cumsum(counts[::-1])[::-1]


def _nearest(held: Integers, wanted: float) -> int:
    """The place whose number of rows is nearest; of two equally near the earlier, which holds more."""
    return int(np.argmin(np.abs(held - wanted)))


def _shown(micros: np.int64) -> str:
    return format_instant(from_micros(int(micros)))
