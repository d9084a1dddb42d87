"""The judged fit's split: the latest decisions held out, and whatever was not known by the first of them left out.

Earlier folds are split by the same rule, and a part of the rows that are learnt from is drawn by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from assembly_line.errors import RequestRefused, TrainingRejected
from assembly_line.features import TEST, TRAIN, Fold, Integers, Timeline, cut, timeline_of, windows
from assembly_line.instants import from_micros
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
        raise TrainingRejected.about(
            "dataset",
            f"{len(times)} decisions at {instants} instant(s)",
            "at least two instants, so that later time can judge",
            "choose a later as_of, by when more decisions are mature",
        )
    timeline = _timeline(times, known)
    split = Split(holdout=share)
    (window,) = windows(timeline.placed, split)
    return _held_out(cut(timeline, split, window))


def earlier_folds(times: Sequence[int], known: Sequence[int | None], *, before: int, folds: int) -> list[HeldOut]:
    """Folds that follow one another before an instant, of about as many decisions each.

    Each is judged by a fit that learns from the decisions before it whose outcomes were known by its first one. As many
    decisions as a fold has stand before the first one.

    Args:
        times, known: of all rows, as of `split_by_time`.
        before: microseconds since 1970; later decisions are in no fold.
        folds: how many.

    Raises:
        TrainingRejected: there are too few instants.
    """
    earlier = np.flatnonzero(np.array(times, np.int64) < before)
    rows = earlier.tolist()
    timeline = _timeline([times[row] for row in rows], [known[row] for row in rows])
    instants = np.unique(timeline.placed).tolist()
    if len(instants) <= folds:
        raise TrainingRejected.about(
            "validation.folds",
            f"{folds} folds before the holdout, where decisions have {len(instants)} instants",
            f"at least {folds + 1} instants",
            "declare fewer folds, or choose a later as_of",
        )
    split = Split(folds=folds).resolved()
    try:
        found = windows(timeline.placed, split)
    except RequestRefused:  # most decisions are at the latest instants: these are the folds, then
        split = Split(folds=folds, boundary=from_micros(instants[-folds]))
        found = windows(timeline.placed, split)
    held = [_held_out(cut(timeline, split, window)) for window in found]
    return [replace(one, train=earlier[one.train], holdout=earlier[one.holdout]) for one in held]


def drawn(split: HeldOut, share: float, units: Sequence[object], *, seed: int) -> HeldOut:
    """The same split with a share of the rows that are learnt from. A smaller share is part of a larger one.

    Args:
        share: in (0, 1).
        units: of all rows; rows with an equal value are drawn together, such as those of a ranking's group.
    """
    numbers: dict[object, int] = {}
    of = np.array([numbers.setdefault(units[row], len(numbers)) for row in split.train.tolist()], np.int64)
    place = np.random.default_rng(seed).permutation(len(numbers))
    return replace(split, train=split.train[place[of] < max(1, round(share * len(numbers)))])


def _timeline(times: Sequence[int], known: Sequence[int | None]) -> Timeline:
    return timeline_of(np.array(times, np.int64), np.array([NEVER if at is None else at for at in known], np.int64))


def _held_out(fold: Fold) -> HeldOut:
    return HeldOut(
        boundary=fold.window.test,
        train=fold.parts[TRAIN],
        holdout=fold.parts[TEST],
        purged=fold.left_out[TRAIN]["purged"],
    )
