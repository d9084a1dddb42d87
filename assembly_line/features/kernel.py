"""The exact point-in-time kernel on sorted arrays: which rows a decision sees, and what it makes of them. numpy only.

Rows of one source and one entity are sorted once by (entity, event time, known time, ties). A decision's trailing
window is then a range of positions, found by binary search; no join of rows with decisions is ever built. Where a
source has a known time, ranges that hold a row not yet known are few: only these are expanded row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from assembly_line.features.columns import Flags, Integers
from assembly_line.features.reductions import Windows, chunks, expanded, maxima
from assembly_line.features.semantics import NEVER

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
        keys = (entities % self._slice) * self._span + clipped
        slices = entities // self._slice
        found = np.zeros(len(keys), np.int64)
        for number, (begin, part) in self._keys.items():
            chosen = slices == number
            if chosen.all():
                return np.asarray(begin + np.searchsorted(part, keys, "right"), np.int64)
            found[chosen] = begin + np.searchsorted(part, keys[chosen], "right")
        return found


def _sliced(slices: Integers, keys: Integers) -> list[tuple[int, int, Integers]]:
    """(number of the slice, rows in lesser slices, keys of this one)."""
    if not len(slices):
        return []
    if slices.min() == slices.max():
        return [(int(slices[0]), 0, keys)]
    numbers, counts = np.unique(slices, return_counts=True)
    begins = np.cumsum(counts) - counts
    return [(int(number), int(begin), keys[slices == number]) for number, begin in zip(numbers, begins, strict=True)]


@dataclass(frozen=True, slots=True)
class Ask:
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

    def take(self, chosen: Integers) -> Ask:
        return Ask(self.entities[chosen], self.lower[chosen], self.upper[chosen], self.known_by[chosen])


class History:
    """The rows of one source for one entity, in order of (entity, event time, known time, ties).

    Args:
        entities: code of each row's entity; rows with a negative code belong to nobody asked for and are dropped.
        times: event times in microseconds.
        known: known times in microseconds (NEVER where null), or None where a delay says it all.
        ties: further sort keys, the most significant first, that make the order total.
    """

    def __init__(
        self, entities: Integers, times: Integers, known: Integers | None = None, ties: Sequence[Integers] = ()
    ) -> None:
        keys = [times, entities] if known is None else [known, times, entities]
        order = np.lexsort([*reversed(ties), *keys])
        kept = order[entities[order] >= 0]
        self.order: Integers = kept
        self.entities: Integers = entities[kept]
        self.times: Integers = times[kept]
        self.known: Integers | None = None if known is None else known[kept]
        self.index = TimeIndex(self.entities, self.times, ordered=True)

    def windows(self, ask: Ask) -> Windows:
        """Positions of the rows in each window, whether known or not."""
        present = ask.entities >= 0
        entities = np.where(present, ask.entities, 0)
        low = self.index.upto(entities, ask.lower)
        high = self.index.upto(entities, ask.upper)
        empty = ~present | (high <= low)
        return Windows(np.where(empty, 0, low), np.where(empty, 0, high))

    def unknown_inside(self, windows: Windows, known_by: Integers) -> Flags:
        """Which windows hold a row that is not known by then."""
        if self.known is None or not len(self.known):
            return np.zeros(len(windows.low), np.bool_)
        return np.asarray((windows.sizes > 0) & (maxima(self.known, windows) > known_by))

    def last_known(self, windows: Windows, known_by: Integers) -> Integers:
        """Position of the last row of each window that is known by then; -1 where there is none."""
        found = np.where(windows.sizes > 0, windows.high - 1, -1)
        late = np.flatnonzero(self.unknown_inside(windows, known_by))
        for chosen in chunks(windows.sizes[late]):
            some = late[chosen]
            positions, owner = self.known_rows(windows.take(some), known_by[some])
            # Positions ascend within a window: the last one written is the latest.
            latest = np.full(len(some), -1, np.int64)
            latest[owner] = positions
            found[some] = latest
        return found

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
        items: >= 0, one for each row of the history.
        flags: rows that count; nulls do not.
    """

    def __init__(self, history: History, items: Integers, flags: Flags) -> None:
        chosen = np.flatnonzero(flags)
        self._entities, self._times = history.entities[chosen], history.times[chosen]
        items = items[chosen]
        # Rows are in order of time: a stable sort by entity and item puts each item's appearances in that order.
        order = np.lexsort((items, self._entities))
        again = (items[order][1:] == items[order][:-1]) & (self._entities[order][1:] == self._entities[order][:-1])
        self._next = np.full(len(chosen), NEVER)
        self._next[order[:-1][again]] = self._times[order[1:][again]]
        self._begun = TimeIndex(self._entities, self._times, ordered=True)

    def count(self, ask: Ask, width: int) -> Integers:
        """How many different items each window holds; every window is `width` microseconds wide."""
        if width <= 0 or not len(self._times):
            return np.zeros(len(ask.upper), np.int64)
        # No window reaches beyond the latest of them: later ends need not be told apart.
        latest = max(int(ask.upper.max(initial=0)), int(self._times.max())) + 1
        ends = np.minimum(np.minimum(self._times + width, self._next), latest)
        ended = TimeIndex(self._entities, ends, ordered=False)
        codes = np.maximum(ask.entities, 0)
        return np.where(ask.entities >= 0, self._begun.upto(codes, ask.upper) - ended.upto(codes, ask.upper), 0)


def distinct_in(items: Integers, owner: Integers, owners: int) -> Integers:
    """How many different items each owner has; `items` >= 0, one for each of its rows."""
    if not len(items):
        return np.zeros(owners, np.int64)
    many = int(items.max()) + 1
    return np.bincount(np.unique(owner * many + items) // many, minlength=owners).astype(np.int64)
