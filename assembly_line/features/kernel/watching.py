"""Finding the decisions that see each row of a history: see `sightings`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from assembly_line.declarations.windows import Window
from assembly_line.features.kernel.exact_sums import IntegerSums
from assembly_line.features.kernel.point_in_time import History, TimeIndex
from assembly_line.features.kernel.reductions import Part
from assembly_line.features.kernel.sightings import Sightings
from assembly_line.features.kernel.window_queries import Decisions, WindowQueries
from assembly_line.features.values.columns import Column, Floats, Integers
from assembly_line.features.values.ordering import different_rows


class Watch:
    """The decisions of one part beside the rows of one history, for windows of any kind."""

    def __init__(self, history: History, queries: WindowQueries) -> None:
        self._history = history
        self._queries = queries
        self._over: dict[Window, Sightings] = {}

    def over(self, window: Window) -> Sightings:
        """Who sees which row in this window."""
        if window not in self._over:
            self._over[window] = self.sightings(self._queries.over(window).lower)
        return self._over[window]

    def sightings(self, lower: Integers) -> Sightings:
        """Who sees which row in windows that begin after these event times."""
        decisions = self._queries.decisions
        rounds = in_order(decisions.entities, lower)
        if len(rounds) == 1:
            begins, ends = self._begins, self._ends(decisions.entities, lower)
            return Sightings(begins[None], ends[None], None, len(lower))
        offsets = np.cumsum([0, *map(len, rounds)])
        places = np.empty(len(lower), np.int64)
        places[np.concatenate(rounds)] = np.arange(len(lower))
        parts = [decisions.take(chosen) for chosen in rounds]
        begins = np.stack([self._seen_from(some) + first for some, first in zip(parts, offsets, strict=False)])
        ends = np.stack(
            [
                self._ends(some.entities, lower[chosen]) + first
                for some, chosen, first in zip(parts, rounds, offsets, strict=False)
            ]
        )
        return Sightings(begins, ends, places, len(lower))

    @cached_property
    def _begins(self) -> Integers:
        return self._seen_from(self._queries.decisions)

    def _seen_from(self, decisions: Decisions) -> Integers:
        """For each row the first decision of its entity at which it has happened and is known."""
        known = self._queries.sight.seen_from(self._history.times, self._history.known)
        index = TimeIndex(decisions.entities, decisions.times, ordered=True)
        return index.upto(self._history.entities, known - 1)

    def _ends(self, entities: Integers, lower: Integers) -> Integers:
        """For each row the first decision of its entity whose window begins after it."""
        return TimeIndex(entities, lower, ordered=True).upto(self._history.entities, self._history.times - 1)


def in_order(entities: Integers, lower: Integers) -> list[Integers]:
    """Decisions in rounds, each in order; in a round no window of an entity begins before that of a decision before it.

    Windows of one length need one round. Those of the calendar can begin earlier though the decision is later: the
    months before 30 and 31 March both begin on 28 February, at the time of day; clocks that are set back do the same.

    Args:
        entities: of the decisions, in order of entity and time.
        lower: where their windows begin.
    """
    rounds, rest = list[Integers](), np.arange(len(lower))
    while True:
        of_whom, begins = entities[rest], lower[rest]
        back = (begins[1:] < begins[:-1]) & (of_whom[1:] == of_whom[:-1])
        if not back.any():
            return [*rounds, rest]
        ranks = different_rows([of_whom, begins])[1]
        latest = ranks >= np.maximum.accumulate(ranks)
        rounds.append(rest[latest])
        rest = rest[~latest]


@dataclass(frozen=True, slots=True)
class ValuesSeen:
    """The values of a column that decisions see; nulls are not seen. See `aggregates.Reduction`."""

    column: Column
    sightings: Sightings

    @property
    def sizes(self) -> Integers:
        return self.sightings.counts(self.column.valid)

    def integer_sums(self) -> IntegerSums:
        return self.sightings.integer_sums(self.column.values, self.column.valid)

    def float_sums(self) -> tuple[Floats, Floats]:
        return self.sightings.float_sums(self.column.values, self.column.valid)

    def extremes(self, values: Part, *, greatest: bool) -> Part:
        return self.sightings.extremes(values, self.column.valid, greatest=greatest)
