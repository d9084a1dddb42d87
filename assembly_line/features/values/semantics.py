"""When something counts: the rules of point in time as arithmetic on microseconds. Change them, raise the version.

An event is seen iff it happened before the decision and was known by then. With a constant delay both are one bound on
the event time, and "before" is "at or before" one microsecond earlier, so that every window is `(lower, upper]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.values.columns import Column, Integers
from assembly_line.instants import DAY_MICROS, EPOCH, LAST_MICROS, MICROSECOND, start_of_day

SEMANTICS_VERSION = 4
NEVER = np.iinfo(np.int64).max
LONGEST = 1 << 60

# What to do about a dataset of an older version: its rows are as they were, and another build is another dataset.
REBUILD = "load its sources again and request it again; the rows that are there stay as they are"
Edge = Literal["start", "end"]
EPOCH_DAY = EPOCH.date()
# 9999-12-31, in days since 1970-01-01.
LAST_DAY = LAST_MICROS // DAY_MICROS


def older_version(version: int) -> str | None:
    """What to say of a dataset that an older version of these rules gave; None for one of the version in force."""
    if version == SEMANTICS_VERSION:
        return None
    return (
        f"was built under version {version} of the semantics, and version {SEMANTICS_VERSION} is in force here: "
        "what is computed anew may differ for that reason alone. For values under the version in force, "
        f"{REBUILD}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Which events a decision at t sees: those with event time <= t - `hold`.

    Args:
        before: 1 for the boundary "before", 0 for "at_or_before".
        hold: microseconds between an event and the first decision that may see it.
    """

    before: int
    hold: int

    def seen_from(self, times: Integers, known: Integers | None) -> Integers:
        """The first decision time that sees each row: it has happened and is known. NEVER if it never is.

        This is the one place that says when a row that comes late counts.

        Args:
            times: event times.
            known: known times; None if the source declares a delay, which `hold` has in it.
        """
        happened = times + self.hold
        return happened if known is None else np.maximum(happened, known)

    def upper(self, decision_times: Integers) -> Integers:
        """The latest event time that is seen, inclusive."""
        return decision_times - self.hold

    def window_lower(self, starts: Integers) -> Integers:
        """The event time, exclusive, below which an event lies before a window that starts there."""
        return starts - self.before

    def age_lower(self, decision_times: Integers, max_age: int) -> Integers:
        """The event time, exclusive, below which an event is older than `max_age`."""
        return decision_times - max_age - 1


def sight_of(source: Source, boundary: str) -> Sight:
    """What decisions see of a source. A known time column is applied beside it, row by row."""
    before = 1 if boundary == "before" else 0
    delay = micros_of(source.delay) if source.delay is not None else 0
    return Sight(before=before, hold=max(before, delay))


def micros_of(duration: timedelta) -> int:
    """Microseconds of a duration; beyond 36,000 years, where no data is, as long as arithmetic on int64 allows."""
    return min(duration // MICROSECOND, LONGEST)


def instants_of(column: Column, *, zone: str | None, edge: Edge) -> Column:
    """A time column as instants in microseconds: a date becomes the start or the end of its day in the zone.

    An edge of a day that has no date, as the end of 9999-12-31 in New York, is the nearest instant that has one.
    """
    if column.kind == "timestamp":
        return column
    if column.kind != "date" or zone is None:
        raise ValueError(f"expected a timestamp, or a date with a zone, got {column.kind} and {zone!r}")
    days, places = np.unique(np.where(column.valid, column.values, 0), return_inverse=True)
    later = 1 if edge == "end" else 0
    instants = [start_of_day(day + later, zone) for day in days.tolist()]
    return Column("timestamp", np.array(instants, np.int64)[places], column.valid)


def ends_of(column: Column, *, zone: str | None) -> Column:
    """Until when facts are in force, as instants: a date is the end of its day.

    An end on the last day that has a date, 9999-12-31 in the zone, is none: so most tables write "still in force".
    """
    ends = instants_of(column, zone=zone, edge="end")
    closed = column.values < (LAST_DAY if column.kind == "date" else start_of_day(LAST_DAY, zone or "UTC"))
    return Column(ends.kind, ends.values, ends.valid & closed)
