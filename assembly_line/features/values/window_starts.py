"""Where trailing windows begin, for many decision times at once: fixed lengths, and units of a zone's calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache

import numpy as np

from assembly_line.declarations.windows import CalendarWindow, Window
from assembly_line.features.values.columns import Integers
from assembly_line.features.values.semantics import micros_of
from assembly_line.instants import offset_at, wall_time_offset

HOUR = 3_600_000_000
DAY = 24 * HOUR
KEPT = 1 << 17
MONTHS_OF = {"month": 1, "year": 12}


def starts_of(window: Window, times: Integers) -> Integers:
    """The instant where the window of each decision time begins."""
    if isinstance(window, timedelta):
        return times - micros_of(window)
    zone = window.zone
    local = times + _by_hour(times, lambda instant: _offset(zone, instant))
    earlier = _earlier(window, local)
    return earlier - _by_hour(earlier, lambda wall_time: _offset_of_wall_time(zone, wall_time))


def widest(window: Window) -> int:
    """Microseconds that no window of this kind exceeds: an offset differs from another by less than two days."""
    return micros_of(window) if isinstance(window, timedelta) else (window.days_at_most + 2) * DAY


def _earlier(window: CalendarWindow, local: Integers) -> Integers:
    """Wall times so many units earlier; a missing day becomes the last of its month."""
    days, time_of_day = np.divmod(local, DAY)
    if window.unit in ("day", "week"):
        return np.asarray((days - window.days_at_most) * DAY + time_of_day, np.int64)
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    day_of_month = days - _first_days(months)
    wanted = months - window.number * MONTHS_OF[window.unit]
    first_days = _first_days(wanted)
    last_of_month = _first_days(wanted + 1) - first_days - 1
    return np.asarray((first_days + np.minimum(day_of_month, last_of_month)) * DAY + time_of_day, np.int64)


def _first_days(months: np.ndarray[tuple[int, ...], np.dtype[np.datetime64]]) -> Integers:
    """The first day of each month, as days since 1970."""
    return np.asarray(months.astype("datetime64[D]").astype(np.int64))


def _by_hour(values: Integers, offset: Callable[[int], int]) -> Integers:
    """The offset at each value, looked up once for all values of an hour in which it does not change."""
    hours, places = np.unique(values // HOUR, return_inverse=True)
    edges = [(offset(hour * HOUR), offset(hour * HOUR + HOUR - 1)) for hour in hours.tolist()]
    first, last = np.array(edges, np.int64).reshape(-1, 2).T
    found = first[places]
    for place in np.flatnonzero((first != last)[places]).tolist():
        found[place] = offset(int(values[place]))
    return found


@lru_cache(maxsize=KEPT)
def _offset(zone: str, instant: int) -> int:
    """`offset_at`, kept."""
    return offset_at(instant, zone)


@lru_cache(maxsize=KEPT)
def _offset_of_wall_time(zone: str, wall_time: int) -> int:
    """`wall_time_offset`, kept."""
    return wall_time_offset(wall_time, zone)
