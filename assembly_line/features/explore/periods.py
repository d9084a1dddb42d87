"""The calendar periods that instants and dates fall into, in a zone."""

from __future__ import annotations

from typing import assert_never

import numpy as np

from assembly_line.declarations.explore.tables import TablePeriod
from assembly_line.features.values.columns import Column, Integers
from assembly_line.instants import DAY_MICROS, FIRST_MICROS, LAST_MICROS, offset_at

# 1970-01-01 was a Thursday.
MONDAY = 3


def period_starts(times: Column, period: TablePeriod, zone: str) -> Column:
    """The first day of each time's period, as a date; null where the time is null.

    Args:
        times: a timestamp column, or a date column whose days are kept whatever the zone.
    """
    days = times.values
    if times.kind == "timestamp":
        days = local_days(np.where(times.valid, times.values, 0), zone)
    match period:
        case "day":
            pass
        case "week":
            days = days - (days + MONDAY) % 7
        case "month":
            days = days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        case _:
            assert_never(period)
    return Column("date", np.asarray(days, np.int64), times.valid)


def months_of(starts: Integers) -> list[str]:
    """The month of each day, such as 2017-03."""
    return [str(month) for month in starts.astype("datetime64[D]").astype("datetime64[M]")]


def local_days(instants: Integers, zone: str) -> Integers:
    """The calendar day of each instant in the zone, as days since 1970-01-01."""
    days, places = np.unique(instants // DAY_MICROS, return_inverse=True)
    first = np.array([offset_at(int(day) * DAY_MICROS, zone) for day in days], np.int64)
    last = np.array([offset_at((int(day) + 1) * DAY_MICROS - 1, zone) for day in days], np.int64)
    shifts = first[places]
    # On a day on which the clocks change each instant is looked up by itself.
    changing = np.flatnonzero((first != last)[places])
    shifts[changing] = [offset_at(instant, zone) for instant in instants[changing].tolist()]
    # Where it is later than in UTC, a local day after the last that has a date is that one.
    clipped = np.clip((instants + shifts) // DAY_MICROS, FIRST_MICROS // DAY_MICROS, LAST_MICROS // DAY_MICROS)
    return np.asarray(clipped, np.int64)
