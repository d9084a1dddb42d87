"""The one time split: parts of a dataset, and which rows are left out so that no part knows the future of another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.boundaries import Window, windows
from assembly_line.features.model_inputs.timeline import Timeline
from assembly_line.features.values.columns import Flags, Integers
from assembly_line.instants import MICROSECOND
from assembly_line.model_types import Split

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One split.

    Args:
        number: from 1 on; None where there is only one.
        window: where the parts begin.
        parts: part -> positions of its rows, ascending, parts in order of time.
        left_out: part -> reason -> rows; `purged`: the outcome was not known by the first decision of a part that
            judges; `embargoed`: neither decided nor known early enough before it; `shared`: its group stands in another
            part. Only where there are some: `before_window`: decided before a sliding window; `after_test`: decided
            after the test part, in that of a later fold; `downsampled`: not drawn.
        shared_groups: how many groups lost rows because they stood in two parts.
    """

    number: int | None
    window: Window
    parts: Mapping[str, Integers]
    left_out: Mapping[str, Mapping[str, int]]
    shared_groups: int


def split_rows(timeline: Timeline, split: Split) -> list[Fold]:
    """The folds of a split; one without `folds`.

    Raises:
        RequestRefused: there are too few instants, or leaving rows out empties a part; the message has the counts.
    """
    found = windows(timeline.placed, split)
    numbers = [None] if split.folds is None else range(1, len(found) + 1)
    folds = [cut(timeline, split, window, number=number) for number, window in zip(numbers, found, strict=True)]
    for fold in folds:
        _require_rows(fold)
    return folds


def cut(timeline: Timeline, split: Split, window: Window, *, number: int | None = None) -> Fold:
    """One fold: rows in their parts by time, less those that must be left out. A part may be empty after that."""
    parts = _placed(timeline.placed, window)
    left_out: dict[str, dict[str, int]] = {}
    earlier = [name for name in parts if name != TEST]
    embargo = timedelta(days=split.embargo_days) // MICROSECOND
    # The judging parts are fixed before anything is left out: what is left out of them cannot let the future in.
    first = {name: int(timeline.times[rows].min()) for name, rows in parts.items() if name != TRAIN}
    for name in earlier:
        judged_at = min(first[later] for later in list(parts)[list(parts).index(name) + 1 :])
        rows = parts[name]
        purged = timeline.known[rows] > judged_at
        latest = np.maximum(timeline.known[rows], timeline.placed[rows])
        embargoed = ~purged & (latest > judged_at - embargo) if embargo else np.zeros(len(rows), np.bool_)
        left_out[name] = {"purged": int(purged.sum()), "embargoed": int(embargoed.sum())}
        parts[name] = rows[~purged & ~embargoed]
    for name, reason, outside in (
        (TRAIN, "before_window", timeline.placed < window.begin),
        (TEST, "after_test", timeline.placed >= window.end),
    ):
        if outside.any():
            left_out.setdefault(name, {})[reason] = int(outside.sum())
    shared = _separate(timeline, split, parts, left_out)
    return Fold(number=number, window=window, parts=parts, left_out=left_out, shared_groups=shared)


def _placed(placed: Integers, window: Window) -> dict[str, Integers]:
    """Rows of each part by time alone."""
    edges = {TRAIN: window.begin, VALIDATION: window.validation, TEST: window.test}
    begins = {name: edge for name, edge in edges.items() if edge is not None}
    ends = [*list(begins.values())[1:], window.end]
    return {
        name: np.flatnonzero((placed >= begin) & (placed < end))
        for (name, begin), end in zip(begins.items(), ends, strict=True)
    }


def _separate(timeline: Timeline, split: Split, parts: dict[str, Integers], left_out: dict[str, dict[str, int]]) -> int:
    """Leave out rows of groups that stand in a part before theirs (or after, as the split says)."""
    if timeline.together is None:
        return 0
    order = list(parts) if split.shared_groups == "out_of_test" else list(reversed(parts))
    taken: Flags = np.zeros(int(timeline.together.max(initial=-1)) + 1, np.bool_)
    lost = taken.copy()
    for name in order:
        groups = timeline.together[parts[name]]
        shared = taken[groups]
        lost[groups[shared]] = True
        left_out.setdefault(name, {})["shared"] = int(shared.sum())
        parts[name] = parts[name][~shared]
        taken[groups] = True
    return int(lost.sum())


def _require_rows(fold: Fold) -> None:
    for name, rows in fold.parts.items():
        if not len(rows):
            counts = ", ".join(f"{count} {reason}" for reason, count in fold.left_out.get(name, {}).items() if count)
            place = "model.split" if fold.number is None else f"model.split: fold {fold.number}"
            raise RequestRefused(
                f"{place}: the {name} part has no rows left ({counts or 'none decided in its time'}); choose another "
                "holdout or boundary, fewer folds, window expanding, a shorter embargo, or keep less together",
                where=place,
                value=f"{name} part without rows",
                expected="at least one row in each part",
            )
