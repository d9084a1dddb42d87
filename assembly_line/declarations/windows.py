"""Trailing windows: how far back from the decision a feature looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from assembly_line.declarations.checks import require
from assembly_line.instants import zone_of

CalendarUnit = Literal["day", "week", "month", "year"]
DAYS_AT_MOST: dict[CalendarUnit, int] = {"day": 1, "week": 7, "month": 31, "year": 366}
LONGEST_YEARS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWindow:
    """So many units of the calendar in a zone: it starts at the same local wall time, `number` units earlier.

    A day that is missing there becomes the last of its month; a wall time that was skipped when clocks were set forward
    moves forward by as much; one that occurred twice is the earlier. The window is `[start, t)` for the boundary
    "before" and `(start, t]` for "at_or_before", as with windows of a fixed length.
    """

    unit: CalendarUnit
    number: int
    zone: str

    def __post_init__(self) -> None:
        place = f"window of {self.number!r} {self.unit}s"
        require(self.unit in DAYS_AT_MOST, f"{place}: expected one of {', '.join(DAYS_AT_MOST)}")
        whole = isinstance(self.number, int) and not isinstance(self.number, bool)
        require(whole and self.number >= 1, f"{place}: expected a whole number of at least 1")
        require(self.days_at_most <= LONGEST_YEARS * 366, f"{place}: is longer than {LONGEST_YEARS} years")
        try:
            zone_of(self.zone)
        except ValueError as error:
            require(False, f"{place}: zone: {error}")

    @property
    def days_at_most(self) -> int:
        """More calendar days it never spans."""
        return self.number * DAYS_AT_MOST[self.unit]


Window = timedelta | CalendarWindow


def check_window(place: str, window: object) -> None:
    """Refuse what is no window, or an empty one."""
    require(
        isinstance(window, timedelta | CalendarWindow),
        f"{place}: window {window!r}: expected such as days(30), or months(3, zone='America/New_York')",
    )
    require(not isinstance(window, timedelta) or window > timedelta(0), f"{place}: window {window} is not positive")


def days(number: float) -> timedelta:
    """So many times 24 hours.

    Args:
        number: how many days.
    """
    return timedelta(days=number)


def hours(number: float) -> timedelta:
    """So many hours.

    Args:
        number: how many hours.
    """
    return timedelta(hours=number)


def calendar_days(number: int, *, zone: str) -> CalendarWindow:
    """So many days of the calendar. A day has 23 or 25 hours when clocks change.

    Args:
        number: how many days.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="day", number=number, zone=zone)


def weeks(number: int, *, zone: str) -> CalendarWindow:
    """So many times seven days of the calendar.

    Args:
        number: how many weeks.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="week", number=number, zone=zone)


def months(number: int, *, zone: str) -> CalendarWindow:
    """So many months of the calendar. From 31 March, one month reaches back to the last day of February.

    Args:
        number: how many months.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="month", number=number, zone=zone)


def years(number: int, *, zone: str) -> CalendarWindow:
    """So many years of the calendar. From 29 February, one year reaches back to 28 February.

    Args:
        number: how many years.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="year", number=number, zone=zone)
