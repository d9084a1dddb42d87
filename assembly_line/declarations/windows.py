"""Trailing windows: how far back from the decision a feature looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from assembly_line.declarations.checks import require
from assembly_line.declarations.typed import typed
from assembly_line.errors import DeclarationError
from assembly_line.instants import zone_of

CalendarUnit = Literal["day", "week", "month", "year"]
DAYS_AT_MOST: dict[CalendarUnit, int] = {"day": 1, "week": 7, "month": 31, "year": 366}
LONGEST_YEARS = 1000


@typed
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
        require(self.number >= 1, f"{place}: expected a whole number of at least 1")
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


def check_window(place: str, window: Window) -> None:
    """Refuse an empty window."""
    require(not isinstance(window, timedelta) or window > timedelta(0), f"{place}: window {window} is not positive")


@typed
def days(number: float) -> timedelta:
    """So many times 24 hours.

    Args:
        number: how many days.
    """
    return _fixed("days", number)


@typed
def hours(number: float) -> timedelta:
    """So many hours.

    Args:
        number: how many hours.
    """
    return _fixed("hours", number)


@typed
def calendar_days(number: int, *, zone: str) -> CalendarWindow:
    """So many days of the calendar. A day has 23 or 25 hours when clocks change.

    Args:
        number: how many days.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="day", number=number, zone=zone)


@typed
def weeks(number: int, *, zone: str) -> CalendarWindow:
    """So many times seven days of the calendar.

    Args:
        number: how many weeks.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="week", number=number, zone=zone)


@typed
def months(number: int, *, zone: str) -> CalendarWindow:
    """So many months of the calendar. From 31 March, one month reaches back to the last day of February.

    Args:
        number: how many months.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="month", number=number, zone=zone)


@typed
def years(number: int, *, zone: str) -> CalendarWindow:
    """So many years of the calendar. From 29 February, one year reaches back to 28 February.

    Args:
        number: how many years.
        zone: the IANA time zone of the calendar.
    """
    return CalendarWindow(unit="year", number=number, zone=zone)


def _fixed(unit: str, number: float) -> timedelta:
    try:
        return timedelta(**{unit: number})
    except (OverflowError, ValueError) as error:
        expected = f"at most {LONGEST_YEARS} years of them"
        raise DeclarationError(
            f"{unit}: number is {number}; expected {expected}",
            where=f"{unit}: number",
            value=str(number),
            expected=expected,
        ) from error
