"""Which decisions see each row, where rows become known at times of their own, and what windows make of such rows.

Decisions of an entity, in order of time, begin to see a row with the first at which it has happened and is known, and
stop with the first whose window begins after it. Between are consecutive decisions, two binary searches for each row.
A count or a sum is then all that has begun less all that has ended. No row is listed for a decision, however many rows
become known late, and however late.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assembly_line.features.kernel.exact_sums import IntegerSums, float_sums, integer_sums
from assembly_line.features.kernel.reductions import Part, nothing
from assembly_line.features.values.columns import Flags, Floats, Integers
from assembly_line.features.values.ordering import sorted_with_places


@dataclass(frozen=True)
class Items:
    """Rows of a history in order of entity, item and time; those without an item are left out.

    Args:
        rows: positions in the history.
        groups: number of each row's entity and item, ascending.
    """

    rows: Integers
    groups: Integers


def items_of(entities: Integers, items: Integers, rows: Integers) -> Items:
    """Items of rows.

    Args:
        entities, items: of these rows.
        rows: their positions in the history, ascending.
    """
    packed = sorted_with_places([entities, items])
    order = np.lexsort((items, entities)) if packed is None else packed[1]
    some, of_whom = items[order], entities[order]
    another = (some[1:] != some[:-1]) | (of_whom[1:] != of_whom[:-1])
    groups = np.zeros(len(order), np.int64)
    np.cumsum(another, out=groups[1:])
    return Items(rows[order], groups)


@dataclass(frozen=True)
class Sightings:
    """For each row the places of the decisions that see it, in an order in which these are consecutive.

    Args:
        begins, ends: shape (rounds, rows): the first place, and the one after the last; no place if not begins < ends.
        places: of each decision; None if decisions stand in their own order.
        decisions: how many there are.
    """

    begins: Integers
    ends: Integers
    places: Integers | None
    decisions: int

    def counts(self, flags: Flags | None = None) -> Integers:
        """How many rows each decision sees, or how many of those flagged."""
        begins, ends, _ = self._among(flags)
        begun = np.bincount(begins, minlength=self.decisions + 1)
        return self._placed(np.cumsum(begun - np.bincount(ends, minlength=self.decisions + 1)))

    def integer_sums(self, values: Integers, flags: Flags) -> IntegerSums:
        """Exact sums of the values of the rows seen that are flagged."""
        begins, ends, rows = self._among(flags)
        return integer_sums(values[rows], lambda part: self._totals(begins, ends, part))

    def float_sums(self, values: Floats, flags: Flags) -> tuple[Floats, Floats]:
        """Sums and means of the values of the rows seen that are flagged; both 0 where there is none."""
        begins, ends, rows = self._among(flags)
        return float_sums(values[rows], lambda part: self._totals(begins, ends, part), self.counts(flags))

    def extremes(self, values: Part, flags: Flags | None, *, greatest: bool) -> Part:
        """Extremes of the values of the rows seen that are flagged; see `reductions` for those where there is none.

        A row's decisions are two overlapping blocks of 2**n. Values are noted at both, for the longest blocks first;
        then each block hands on to its halves.
        """
        begins, ends, rows = self._among(flags)
        pick = np.maximum if greatest else np.fmin
        exponents = (np.frexp((ends - begins).astype(np.float64))[1] - 1).astype(np.uint8)
        order = np.argsort(exponents, kind="stable")
        cuts = np.searchsorted(exponents[order], np.arange(int(exponents.max(initial=0)) + 2))
        found = np.full(self.decisions + 1, nothing(values, greatest=not greatest), values.dtype)
        for exponent in reversed(range(len(cuts) - 1)):
            size = 1 << exponent
            if exponent < len(cuts) - 2:
                found[size:] = pick(found[size:], found[:-size])
            chosen = order[cuts[exponent] : cuts[exponent + 1]]
            noted = values[rows[chosen]]
            with np.errstate(invalid="ignore"):
                pick.at(found, begins[chosen], noted)
                pick.at(found, ends[chosen] - size, noted)
        return self._placed(found)

    def first(self) -> Integers:
        """Position of the first row that each decision sees; -1 where it sees none."""
        found = self.extremes(self._positions, None, greatest=False)
        return np.where(found < len(self._positions), found, -1)

    def last(self) -> Integers:
        """Position of the last row that each decision sees; -1 where it sees none."""
        return np.maximum(self.extremes(self._positions, None, greatest=True), -1)

    def distinct(self, items: Items) -> Integers:
        """How many different items each decision sees: a row counts while no later row of its item is seen."""
        rounds, rows = self.begins.shape
        listed = (np.arange(rounds)[:, None] * rows + items.rows).ravel()
        groups = (np.arange(rounds)[:, None] * (int(items.groups.max(initial=0)) + 1) + items.groups).ravel()
        begins, ends = self.begins.ravel()[listed], self.ends.ravel()[listed]
        seen = begins < ends
        # Windows leave rows in order of time: later rows of an item are seen from the first of them on without a gap.
        room = self.decisions + 1
        first_later = np.where(seen, begins, room) + groups * (room + 1)
        first_later = np.minimum.accumulate(first_later[::-1])[::-1][1:] - groups[:-1] * (room + 1)
        ends[:-1] = np.minimum(ends[:-1], first_later)
        seen = begins < ends
        begun = np.bincount(begins[seen], minlength=room)
        return self._placed(np.cumsum(begun - np.bincount(ends[seen], minlength=room)))

    @property
    def _positions(self) -> Integers:
        return np.arange(self.begins.shape[1])

    @cached_property
    def _seen(self) -> tuple[Integers, Integers, Integers]:
        """Begins, ends and positions of the rows that anybody sees."""
        seen = np.flatnonzero(self.begins < self.ends)
        return self.begins.ravel()[seen], self.ends.ravel()[seen], seen % max(self.begins.shape[1], 1)

    def _among(self, flags: Flags | None) -> tuple[Integers, Integers, Integers]:
        begins, ends, rows = self._seen
        if flags is None or flags.all():
            return begins, ends, rows
        chosen = np.flatnonzero(flags[rows])
        return begins[chosen], ends[chosen], rows[chosen]

    def _totals(self, begins: Integers, ends: Integers, values: Integers) -> Integers:
        change = np.zeros(self.decisions + 1, np.int64)
        np.add.at(change, begins, values)
        np.subtract.at(change, ends, values)
        return self._placed(np.cumsum(change))

    def _placed(self, found: Part) -> Part:
        return found[:-1] if self.places is None else found[self.places]
