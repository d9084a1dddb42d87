"""The exact point-in-time kernel on sorted arrays: which rows a decision sees, and what it makes of them. numpy only.

Rows of one source and one entity are sorted once by (entity, event time, known time, ties). A decision's trailing
window is then a range of positions, found by binary search; no join of rows with decisions is ever built. Where rows
become known at times of their own, it is the decisions that see a row which are a range: see `sightings`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from assembly_line.features.kernel.reductions import Windows, expanded, prefix_sums
from assembly_line.features.values.columns import Column, Flags, Integers
from assembly_line.features.values.ordering import different_values, order_of, sorted_with_places
from assembly_line.features.values.semantics import NEVER, Sight

if TYPE_CHECKING:
    from assembly_line.features.kernel.window_queries import Rows

# Keys of entity and time share 63 bits: more entities than fit are searched in slices.
KEY_SPACE = 1 << 62


class TimeIndex:
    """Times of each entity, sorted; answers how many of them lie at or before an instant.

    Args:
        entities: codes >= 0, shape (rows,), in any order if not `ordered`.
        times: microseconds.
        ordered: rows are already in order of (entity, time).
    """

    def __init__(self, entities: Integers, times: Integers, *, ordered: bool) -> None:
        self._first = int(times.min()) - 1 if len(times) else 0
        self._last = int(times.max()) if len(times) else 0
        self._span = self._last - self._first + 1
        self._slice = max(1, KEY_SPACE // self._span)
        self._rows = len(times)
        if not len(entities) or int(entities.max()) < self._slice:
            keys = entities * self._span + (times - self._first)
            self._keys = {0: (0, keys if ordered else np.sort(keys))}
            return
        slices = entities // self._slice
        keys = (entities % self._slice) * self._span + (times - self._first)
        # Sorting the keys of each slice sorts rows by (entity, time): entities rise with the number of the slice.
        self._keys = {
            int(number): (int(begin), part if ordered else np.sort(part))
            for number, begin, part in _sliced(slices, keys)
        }

    def upto(self, entities: Integers, times: Integers) -> Integers:
        """How many rows have (entity, time) <= each of these; all rows of lesser entities are among them."""
        clipped = np.clip(times, self._first, self._last) - self._first
        if list(self._keys) == [0] and int(entities.max(initial=0)) < self._slice:
            return np.searchsorted(self._keys[0][1], entities * self._span + clipped, "right").astype(np.int64)
        keys = (entities % self._slice) * self._span + clipped
        slices = entities // self._slice
        begins = np.array([*(begin for begin, _ in self._keys.values()), self._rows])
        found = begins[np.searchsorted(list(self._keys), slices)]
        for number, (begin, part) in self._keys.items():
            chosen = slices == number
            found[chosen] = begin + np.searchsorted(part, keys[chosen], "right")
        return found


def _sliced(slices: Integers, keys: Integers) -> list[tuple[int, int, Integers]]:
    """(number of the slice, rows in lesser slices, keys of this one)."""
    numbers, counts = np.unique(slices, return_counts=True)
    begins = np.cumsum(counts) - counts
    return [(int(number), int(begin), keys[slices == number]) for number, begin in zip(numbers, begins, strict=True)]


@dataclass(frozen=True, slots=True)
class WindowQuery:
    """One question to a history, for each decision: which rows with `lower` < event time <= `upper`?

    Args:
        entities: codes; negative for a decision whose entity has no rows here or whose key is null.
        lower, upper: event times in microseconds.
        known_by: only rows known at or before this instant count; the decision time.
    """

    entities: Integers
    lower: Integers
    upper: Integers
    known_by: Integers

    def take(self, chosen: Integers) -> WindowQuery:
        return WindowQuery(self.entities[chosen], self.lower[chosen], self.upper[chosen], self.known_by[chosen])


class History:
    """The rows of one source for one entity, in order of (entity, event time, known time, ties).

    Args:
        entities: code of each row's entity; rows with a negative code belong to nobody asked for and are dropped.
        times: event times in microseconds.
        known: known times in microseconds (NEVER where null), or None where a delay says it all.
        ties: further columns to sort by, the most significant first, that make the order total.
    """

    def __init__(
        self, entities: Integers, times: Integers, known: Integers | None = None, ties: Sequence[Column] = ()
    ) -> None:
        self.order, self.entities, self.times = _ordered(entities, times, known, ties)
        first = int(np.searchsorted(self.entities, 0))
        if first:
            self.order, self.entities, self.times = self.order[first:], self.entities[first:], self.times[first:]
        self.known: Integers | None = None if known is None else known[self.order]

    @classmethod
    def of(cls, rows: Rows) -> History:
        """The rows in the order in which the kernel takes them."""
        return cls(rows.entities, rows.times, rows.known, [rows.columns[name] for name in rows.ties])

    @cached_property
    def index(self) -> TimeIndex:
        return TimeIndex(self.entities, self.times, ordered=True)

    def part(self, start: int, stop: int, *, first: int) -> History:
        """The rows at these positions as a history of their own, without a copy; entity `first` becomes 0."""
        part = object.__new__(History)
        part.order = self.order[start:stop]
        part.entities = self.entities[start:stop] - first
        part.times = self.times[start:stop]
        part.known = None if self.known is None else self.known[start:stop]
        return part

    def subset(self, positions: Integers) -> History:
        """The rows at these ascending positions as a history of their own: the rest does not exist for it."""
        subset = object.__new__(History)
        subset.order = self.order[positions]
        subset.entities = self.entities[positions]
        subset.times = self.times[positions]
        subset.known = None if self.known is None else self.known[positions]
        return subset

    def windows(self, query: WindowQuery) -> Windows:
        """Positions of the rows in each window, whether known or not."""
        return self.between(query, self.upto(query.entities, query.upper))

    def upto(self, entities: Integers, times: Integers) -> Integers:
        """How many rows lie at or before each time of its entity; all rows of lesser entities are among them."""
        return self.index.upto(np.maximum(entities, 0), times)

    def between(self, query: WindowQuery, high: Integers) -> Windows:
        """`windows`, where `high` is known to be what `upto` says of the upper bounds."""
        low = self.upto(query.entities, query.lower)
        empty = (query.entities < 0) | (high <= low)
        if not empty.any():
            return Windows(low, high)
        return Windows(np.where(empty, 0, low), np.where(empty, 0, high))

    def last_visible(self, entities: Integers, times: Integers, sight: Sight) -> Integers:
        """Position of the last row of each entity that is visible at each time; -1 where there is none."""
        if self.known is None:
            last = self.upto(entities, sight.upper(times)) - 1
        else:
            # Only decisions tell when: rows that none of them sees, such as those never known, are left out.
            visible = np.maximum(sight.seen_from(self.times, self.known), int(times.min(initial=NEVER)))
            rows = np.flatnonzero(visible <= int(times.max(initial=0)))
            rows = rows[order_of([self.entities[rows], visible[rows]])]
            # Positions rise with the entity, so the greatest so far is of the entity itself, or of one before it.
            latest = np.concatenate((np.full(1, -1), np.maximum.accumulate(rows)))
            last = latest[
                TimeIndex(self.entities[rows], visible[rows], ordered=True).upto(np.maximum(entities, 0), times)
            ]
        found = (
            (last >= 0) & (np.take(self.entities, np.maximum(last, 0)) == entities) if len(self.times) else last >= 0
        )
        return np.where(found, last, -1)

    def known_rows(self, windows: Windows, known_by: Integers) -> tuple[Integers, Integers]:
        """Every known row of every window: (position, number of the window), window by window."""
        positions, owner = expanded(windows)
        if self.known is None:
            return positions, owner
        kept = self.known[positions] <= known_by[owner]
        return positions[kept], owner[kept]


class DistinctItems:
    """Counts different items in trailing windows of one width: rows begun minus rows ended.

    A row counts from its event time until it leaves the window or its item appears again, whichever is first.

    Args:
        items: one for each row of the history.
        flags: rows that count; nulls do not.
    """

    def __init__(self, history: History, items: Integers, flags: Flags) -> None:
        self._history = history
        self._before: Integers | None = None
        self._entities, self._times = history.entities, history.times
        if not flags.all():
            self._before = prefix_sums(flags)
            chosen = np.flatnonzero(flags)
            self._entities, self._times, items = self._entities[chosen], self._times[chosen], items[chosen]
        self._next = np.full(len(self._times), NEVER)
        row, later = repeated(self._entities, items)
        self._next[row] = self._times[later]

    def count(self, query: WindowQuery, width: int, seen: Integers | None = None) -> Integers:
        """How many different items each window holds.

        Args:
            query: every window is `width` microseconds wide.
            seen: what `History.upto` says of the upper bounds, if that is known.
        """
        if width <= 0 or not len(self._times):
            return np.zeros(len(query.upper), np.int64)
        if seen is None:
            seen = self._history.upto(query.entities, query.upper)
        # No window reaches beyond the latest of them: later ends need not be told apart.
        latest = max(int(query.upper.max(initial=0)), int(self._times.max())) + 1
        ends = np.minimum(np.minimum(self._times + width, self._next), latest)
        ended = TimeIndex(self._entities, ends, ordered=False)
        begun = seen if self._before is None else self._before[seen]
        found = begun - ended.upto(np.maximum(query.entities, 0), query.upper)
        found[query.entities < 0] = 0
        return found


def repeated(entities: Integers, items: Integers) -> tuple[Integers, Integers]:
    """Positions of rows whose item appears again for the entity, and where it does next. Rows are in order of time."""
    packed = sorted_with_places([entities, items])
    if packed is not None:
        keys, order = packed
        again = keys[1:] == keys[:-1]
    else:
        # A stable sort by entity and item keeps each item's appearances in order of time.
        order = np.lexsort((items, entities))
        again = (items[order][1:] == items[order][:-1]) & (entities[order][1:] == entities[order][:-1])
    return order[:-1][again], order[1:][again]


def _ordered(
    entities: Integers, times: Integers, known: Integers | None, ties: Sequence[Column]
) -> tuple[Integers, Integers, Integers]:
    """Positions that sort rows, and their entities and times. What breaks ties is looked at only in rows that tie."""
    order = order_of([entities, times])
    entities, times = np.take(entities, order), np.take(times, order)
    if known is None and not ties:
        return order, entities, times
    same = (entities[1:] == entities[:-1]) & (times[1:] == times[:-1])
    if not same.any():
        return order, entities, times
    tied = np.zeros(len(order), np.bool_)
    tied[1:] = same
    tied[:-1] |= same
    places = np.flatnonzero(tied)
    group = np.concatenate((np.zeros(1, np.int64), np.cumsum(~same)))[places]
    some = order[places]
    breaking = [group] if known is None else [group, known[some]]
    breaking += [column.take(some).sort_keys() for column in ties]
    order[places] = some[order_of(breaking)]
    return order, entities, times


def distinct_in(items: Integers, owner: Integers, owners: int) -> Integers:
    """How many different items each owner has; `items` >= 0, one for each of its rows."""
    if not len(items):
        return np.zeros(owners, np.int64)
    many = int(items.max()) + 1
    return np.bincount(different_values(owner * many + items) // many, minlength=owners).astype(np.int64)
