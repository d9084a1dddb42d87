"""The judged fit's split: the latest decisions held out, and whatever was not known by the first of them left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.errors import TrainingRejected
from assembly_line.features import TEST, TRAIN, Integers, cut, timeline_of, windows
from assembly_line.model_types import Split

# A null known time is never known.
NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Row positions of the two parts, each in the dataset's order.

    Args:
        boundary: decision time, in microseconds since 1970, of the earliest held-out decision.
        train: rows decided before it whose outcomes were known by then.
        holdout: rows decided at it or later.
        purged: how many rows were decided before it, but their outcomes were not known by then.
    """

    boundary: int
    train: Integers
    holdout: Integers
    purged: int


def split_by_time(times: Sequence[int], known: Sequence[int | None], *, share: float) -> HeldOut:
    """Hold out the latest decisions by the split that model inputs have, never splitting an instant.

    Args:
        times: decision times in microseconds since 1970, in any order.
        known: when each row's outcome was known, likewise; None if never.
        share: wanted share of the rows to hold out, in (0, 1); the nearest possible one is taken.

    Raises:
        TrainingRejected: all decisions are at one instant, so that none is later than another.
    """
    instants = len(set(times))
    if instants < 2:
        raise TrainingRejected(
            f"dataset: {len(times)} decisions at {instants} instant(s); evaluation on later time needs at least "
            "two instants; choose a later as_of, by when more decisions are mature"
        )
    timeline = timeline_of(np.array(times, np.int64), np.array([NEVER if at is None else at for at in known], np.int64))
    split = Split(holdout=share)
    (window,) = windows(timeline.placed, split)
    fold = cut(timeline, split, window)
    return HeldOut(
        boundary=window.test,
        train=fold.parts[TRAIN],
        holdout=fold.parts[TEST],
        purged=fold.left_out[TRAIN]["purged"],
    )
