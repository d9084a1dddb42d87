"""How the decisions of a dataset meet the events of a source. Whichever is chosen, values are the same.

- Range join: only rows that some decision's window holds leave the source. Chosen where decisions are few: where they
  look at less than four fifths of the time of their entities.
- As-of join: only latest values are asked, so of each decision's rows one is looked up.
- Sorted windows: all rows of the entities are read and sorted once, and each window is a range of positions.

What is computed of the rows that were read is one kernel in any case, so ties, late knowledge, predicates and calendar
windows need no rules of their own.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from assembly_line.features.kernel.stretches import Stretches, stretches_of
from assembly_line.features.kernel.window_queries import Decisions
from assembly_line.features.model.workload import TimedGroup
from assembly_line.features.spine.assembly import Bounds, reach_of

DAY = 86_400_000_000
# A day in some zone ends up to a day and a half away from the same day in UTC.
DATE_SLACK = 2
Join = Literal["range join", "as-of join", "sorted windows"]
# Event times that are looked at: the same for all entities, or those of each.
Looked = Bounds | Stretches
# Looking for stretches is not worth while where decisions look at every time so many times on average.
DENSE = 4
# At this share of their entities' time a range join is as fast as reading everything of them.
FEW = 0.8


def looked_at(group: TimedGroup, decisions: Decisions) -> Looked:
    """The event times that a group's features look at: stretches of each entity, where that leaves enough out."""
    bounds = reach_of(group, decisions.times)
    if group.reach is None or bounds[0] is None or bounds[1] is None:
        return bounds
    span, entities = float(bounds[1] - bounds[0]), int(decisions.entities.max()) + 1
    if len(decisions.times) * float(group.reach) >= DENSE * entities * span:
        return bounds
    stretches, unit = _stretches(group, decisions, group.reach)
    looked = float((stretches.until - stretches.since).astype(np.float64).sum()) * unit
    return stretches if looked <= FEW * stretches.entities * span else bounds


def _stretches(group: TimedGroup, decisions: Decisions, reach: int) -> tuple[Stretches, int]:
    """Stretches of the source's event times as they stand in its files, and how many microseconds their unit has."""
    if group.source.columns[group.source.event_time or ""] != "date":
        return stretches_of(decisions, reach), 1
    days = Decisions(decisions.entities, decisions.times // DAY + DATE_SLACK)
    return stretches_of(days, reach // DAY + 1 + 2 * DATE_SLACK), DAY


def join_of(group: TimedGroup, looked: Looked) -> Join:
    """What reading these times of a source for a group's features is called."""
    if isinstance(looked, Stretches):
        return "range join"
    return "as-of join" if group.only_latest else "sorted windows"


def join_of_everything(group: TimedGroup) -> Join:
    """How the group's events are brought together where all of their entities' rows are read."""
    return join_of(group, (None, None))
