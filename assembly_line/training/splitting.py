"""Splitting a dataset by time: the model is judged on decisions later than all it learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assembly_line.errors import TrainingRejected


@dataclass(frozen=True, slots=True)
class Split:
    """Row positions of the two parts, each in the dataset's order.

    Args:
        boundary: decision time, in microseconds since 1970, of the earliest held-out decision.
        train: rows decided before it.
        holdout: rows decided at it or later.
    """

    boundary: int
    train: NDArray[np.intp]
    holdout: NDArray[np.intp]


def split_by_time(times: Sequence[int], *, share: float) -> Split:
    """Hold out the latest decisions, never splitting an instant.

    Of all boundaries between two instants the one is taken whose held-out share is nearest to the wanted one; of two
    equally near the larger holdout.

    Args:
        times: decision times in microseconds since 1970, in any order.
        share: wanted share of the rows to hold out, in (0, 1).

    Raises:
        TrainingRejected: all decisions are at one instant, so that none is later than another.
    """
    instants, counts = np.unique(np.asarray(times, dtype=np.int64), return_counts=True)
    if instants.size < 2:
        raise TrainingRejected(
            f"dataset: {len(times)} decisions at {instants.size} instant(s); evaluation on later time needs at least "
            "two instants; choose a later as_of, by when more decisions are mature"
        )
    held = len(times) - np.cumsum(counts)[:-1]
    boundary = int(instants[1 + int(np.argmin(np.abs(held - share * len(times))))])
    later = np.asarray(times, dtype=np.int64) >= boundary
    return Split(boundary, np.flatnonzero(~later), np.flatnonzero(later))
