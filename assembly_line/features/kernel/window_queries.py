"""Window queries: for which decisions features read one source, and which event times each decision sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np

from assembly_line.declarations.windows import Window
from assembly_line.features.kernel.point_in_time import WindowQuery
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.ordering import order_of
from assembly_line.features.values.semantics import Sight, micros_of
from assembly_line.features.values.window_starts import starts_of

DAY = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one source, matched to entities.

    Args:
        entities: code of each row's entity; negative if no decision is about it.
        times: event times in microseconds; rows without one are not here.
        known: known times, NEVER where null; None if the source declares a delay.
        columns: the columns asked for, by name.
        ties: names of columns that break ties between rows of one event and known time, in order.
    """

    entities: Integers
    times: Integers
    known: Integers | None
    columns: Mapping[str, Column]
    ties: tuple[str, ...] = ()

    def take(self, chosen: Integers) -> Rows:
        """The rows at these positions."""
        known = None if self.known is None else self.known[chosen]
        columns = {name: column.take(chosen) for name, column in self.columns.items()}
        return Rows(self.entities[chosen], self.times[chosen], known, columns, self.ties)


@dataclass(frozen=True)
class Decisions:
    """Decisions as the kernel sees them: code of the entity (negative for a null key) and decision time."""

    entities: Integers
    times: Integers

    def take(self, chosen: Integers) -> Decisions:
        """The decisions at these positions, ascending and each at most once."""
        if len(chosen) == len(self.times):
            return self
        return Decisions(self.entities[chosen], self.times[chosen])

    @cached_property
    def places(self) -> Integers:
        """Where each decision stands here, in order of entity and time."""
        return order_of([self.entities, self.times])

    @cached_property
    def in_order(self) -> Decisions:
        """The decisions in order of entity and time."""
        return Decisions(np.take(self.entities, self.places), np.take(self.times, self.places))


class WindowQueries:
    """The queries of the features of one part, whichever events they are about."""

    def __init__(self, decisions: Decisions, sight: Sight) -> None:
        self.decisions = decisions
        self.sight = sight
        self.upper = sight.upper(decisions.times)
        self._over: dict[Window, WindowQuery] = {}

    def over(self, window: Window) -> WindowQuery:
        """Events in the window before each decision."""
        if window not in self._over:
            self._over[window] = self._query(self.sight.window_lower(starts_of(window, self.decisions.times)))
        return self._over[window]

    def within(self, max_age: timedelta | None) -> WindowQuery:
        """Events that are at most so old; all that are seen without a limit."""
        times = self.decisions.times
        if max_age is None:
            return self._query(np.full(len(times), np.iinfo(np.int64).min))
        return self._query(self.sight.age_lower(times, micros_of(max_age)))

    def _query(self, lower: Integers) -> WindowQuery:
        return WindowQuery(self.decisions.entities, lower, self.upper, self.decisions.times)
