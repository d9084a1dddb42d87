"""Cutting the decisions of an entity in time, so that its rows need not be in one place. Both engines call this.

The rule, for decisions at start <= t < end. None of them sees what happens at `end` or later. Of what happened before
- features with a bound (windows, a maximum age) look back no further than `overlap`: rows from `start - overlap` on;
- features without one want the last row that they may see: of older rows the last that is visible at `start`, for each
  of these features, and those that become visible from `start` on, because they became known late.
A row beyond these is no decision's answer: a slice may be given more, never less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.features.kernel.point_in_time import History
from assembly_line.features.kernel.window_queries import Rows
from assembly_line.features.model.workload import TimedGroup
from assembly_line.features.values.columns import Column, Flags, Integers, concatenated
from assembly_line.features.values.ordering import different_values
from assembly_line.features.values.predicate_flags import rows_where
from assembly_line.features.values.semantics import Sight

# Before and after every instant, with room to add any window.
EARLIEST, LATEST_END = -(1 << 61), 1 << 61
# A slice has at least this share of the limit as rows of its own, else reading its overlap again costs more than it.
LEAST_SHARE = 2


@dataclass(frozen=True, slots=True)
class TimeSlice:
    """Decisions at `start` <= t < `end`, in microseconds."""

    start: int
    end: int


def overlap_of(group: TimedGroup) -> int:
    """How far before its first decision a slice needs every row, in microseconds."""
    reaches = (TimedGroup(group.source, group.keys, {name: group.features[name]}).reach for name in group.features)
    return max((reach for reach in reaches if reach is not None), default=0)


def remembered(group: TimedGroup, rows: Rows) -> list[Flags]:
    """For each condition of features without a bound, which rows it is true for; none where all features have one."""
    features = group.features.items()
    unbounded = [one for name, one in features if TimedGroup(group.source, group.keys, {name: one}).reach is None]
    conditions = dict.fromkeys(getattr(feature, "where", None) for feature in unbounded)
    everything = np.ones(len(rows.times), np.bool_)
    return [everything if where is None else rows_where(where, rows.columns) for where in conditions]


def time_slices(edges: Integers, counts: Integers, *, overlap: int, limit: int) -> list[TimeSlice]:
    """Consecutive slices that hold about `limit` rows each, overlap included; more where no cut between edges helps.

    Args:
        edges: ascending event times, shape (bins + 1,).
        counts: rows in each bin between two edges.
    """
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    cuts, place, bins = list[int](), 0, len(counts)
    while True:
        reached = before[np.searchsorted(edges, int(edges[place]) - overlap, "left")]
        room = max(limit - int(before[place] - reached), limit // LEAST_SHARE, 1)
        place = max(place + 1, int(np.searchsorted(before, before[place] + room, "right")) - 1)
        if place >= bins:
            break
        cuts.append(int(edges[place]))
    starts = [EARLIEST, *cuts]
    return [TimeSlice(start, end) for start, end in zip(starts, [*cuts, LATEST_END], strict=True)]


def last_visible(rows: Rows, visible: Flags, matching: Sequence[Flags]) -> Integers:
    """Positions of the last visible row of each entity, in the order that decides a latest value, for each condition.

    Args:
        matching: for each kind of feature without a bound, which rows it is about.
    """
    found = [np.empty(0, np.int64)]
    for flags in matching:
        places = np.flatnonzero(visible & flags)
        some = rows.take(places)
        ordered = History.of(some)
        last = np.flatnonzero(np.append(ordered.entities[1:] != ordered.entities[:-1], len(places) > 0))
        found.append(places[ordered.order[last]])
    return different_values(np.concatenate(found))


def carried(rows: Rows, matching: Sequence[Flags], sight: Sight, *, before: int, start: int, until: int) -> Rows:
    """What the slices from `start` on need of the rows of earlier ones.

    Args:
        before: event time from which on they are given every row anyway.
        until: the last decision time of all.
    """
    if not matching:
        return rows.take(np.empty(0, np.int64))
    from_when, old = sight.seen_from(rows.times, rows.known), rows.times < before
    pending = old & (from_when > start) & (from_when <= until)
    last = last_visible(rows, old & (from_when <= start), matching)
    return rows.take(different_values(np.concatenate((np.flatnonzero(pending), last))))


def together(first: Rows, second: Rows) -> Rows:
    """Rows of one source as one table."""
    if not len(first.times):
        return second
    known = None
    if first.known is not None and second.known is not None:
        known = np.concatenate((first.known, second.known))
    columns: dict[str, Column] = {
        name: concatenated(column.kind, [column, second.columns[name]]) for name, column in first.columns.items()
    }
    return Rows(
        np.concatenate((first.entities, second.entities)),
        np.concatenate((first.times, second.times)),
        known,
        columns,
        first.ties,
    )
