"""The stretches of time that a few decisions look at, entity by entity: what a range join reads of a source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assembly_line.features.kernel.window_queries import Decisions
from assembly_line.features.values.columns import Flags, Integers
from assembly_line.features.values.ordering import different_values

# Each row is held against every stretch of its entity.
MOST_STRETCHES = 64


@dataclass(frozen=True, slots=True)
class Stretches:
    """Disjoint stretches of event time, in order of entity and time, all of shape (stretches,).

    Args:
        codes: of the entities.
        since, until: both inclusive, in the unit that decisions and reach were given in.
    """

    codes: Integers
    since: Integers
    until: Integers

    @property
    def entities(self) -> int:
        """How many entities there are stretches of."""
        return len(different_values(self.codes))


def stretches_of(decisions: Decisions, reach: int) -> Stretches:
    """What decisions look at if each looks back so far: windows that overlap are one stretch.

    Of an entity with more than `MOST_STRETCHES` those nearest to each other become one, with what lies between.
    """
    ordered = decisions.in_order
    known = slice(int(np.searchsorted(ordered.entities, 0)), None)
    codes, times = ordered.entities[known], ordered.times[known]
    if not len(times):
        return Stretches(codes, times, times)
    another = codes[1:] != codes[:-1]
    gaps = np.where(another, 0, times[1:] - times[:-1] - reach)
    begins = np.concatenate(([True], another | _parting(codes[1:], gaps)))
    ends = np.append(begins[1:], True)
    return Stretches(codes[begins], times[begins] - reach, times[ends])


def _parting(codes: Integers, gaps: Integers) -> Flags:
    """Which gaps part two stretches: of each entity the widest, one less than it may have stretches.

    Args:
        codes: of the entity on both sides of each gap, ascending.
        gaps: what no decision looks at, between one and the next; not positive where they overlap.
    """
    open_ = gaps > 0
    if np.bincount(codes[open_], minlength=1).max() < MOST_STRETCHES:
        return open_
    order = np.lexsort((-gaps, codes))
    rank = np.empty(len(gaps), np.int64)
    rank[order] = np.arange(len(gaps)) - np.searchsorted(codes, codes)
    return np.asarray(open_ & (rank < MOST_STRETCHES - 1))
