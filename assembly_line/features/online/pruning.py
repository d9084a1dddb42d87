"""Which rows of a source can still matter to a decision at or after an instant. The others are not published."""

from __future__ import annotations

from typing import TypeGuard

import numpy as np

from assembly_line.declarations.features import Latest, SinceLast, Timed
from assembly_line.features.kernel.point_in_time import History
from assembly_line.features.kernel.window_queries import Rows
from assembly_line.features.model.workload import TimedGroup
from assembly_line.features.spine.assembly import Bounds
from assembly_line.features.values.columns import Flags, Integers
from assembly_line.features.values.predicate_flags import rows_where
from assembly_line.features.values.semantics import NEVER, Sight

FOREVER = np.iinfo(np.int64).min


def bounds_from(group: TimedGroup, served_from: int) -> Bounds:
    """Event times that can matter to decisions at or after `served_from`."""
    return (None if group.reach is None else served_from - group.reach, None)


def still_needed(group: TimedGroup, rows: Rows, history: History, sight: Sight, served_from: int) -> Integers:
    """Positions in the sorted history that a decision at or after `served_from` can depend on, in order.

    No window reaches back further than the group does. Of what asks for the latest event without a maximum age, an
    older one than the latest known at `served_from` can never be the answer again; with a predicate, of those events
    alone for which it is true. A row that nobody ever knows never counts.
    """
    kept = np.ones(len(history.times), np.bool_) if history.known is None else history.known != NEVER
    oldest = _oldest_of_windows(group, served_from)
    if oldest == FOREVER:
        return np.flatnonzero(kept)
    inside = history.times >= oldest
    for where in {feature.where for feature in group.features.values() if _asks_for_the_latest(feature)}:
        chosen = np.ones(len(rows.times), np.bool_) if where is None else rows_where(where, rows.columns)
        chosen = chosen[history.order]
        inside |= chosen & (history.times >= _latest_known(history, chosen, sight, served_from))
    return np.flatnonzero(kept & inside)


def _oldest_of_windows(group: TimedGroup, served_from: int) -> int:
    """The least event time in any window or maximum age; FOREVER if a feature without a bound is among them."""
    bounded = {name: feature for name, feature in group.features.items() if not _asks_for_the_latest(feature)}
    if not bounded:
        return NEVER
    reach = TimedGroup(group.source, group.keys, bounded).reach
    return FOREVER if reach is None else served_from - reach


def _asks_for_the_latest(feature: Timed) -> TypeGuard[Latest | SinceLast]:
    return isinstance(feature, Latest | SinceLast) and feature.max_age is None


def _latest_known(history: History, chosen: Flags, sight: Sight, served_from: int) -> Integers:
    """For each row, the event time of the latest chosen row of its entity that is seen and known at `served_from`."""
    seen = chosen & (sight.seen_from(history.times, history.known) <= served_from)
    latest = np.full(int(history.entities.max(initial=-1)) + 1, FOREVER)
    np.maximum.at(latest, history.entities[seen], history.times[seen])
    return np.asarray(latest[history.entities], np.int64)
