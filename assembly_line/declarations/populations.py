"""Generated spines: a population that is decided on again and again, at a cadence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from assembly_line.declarations.checks import require
from assembly_line.declarations.moments import check_time_column
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed
from assembly_line.instants import zone_of

WALL_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
Unit = Literal["day", "week", "month"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class FixedCadence:
    """Occasions at the anchor and every so long before and after it, whatever the clocks of any zone do."""

    interval: timedelta
    anchor: datetime

    def __post_init__(self) -> None:
        require(self.interval > timedelta(0), f"Cadence: interval {self.interval} is not positive")
        require(self.anchor.tzinfo is not None, f"Cadence: anchor {self.anchor} has no zone; give it tzinfo=UTC")


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarCadence:
    """An occasion each day, week or month at one local wall time.

    A wall time that a night skips is moved forward by what is skipped; one that occurs twice means the earlier. A day
    that a month lacks is its last.

    Args:
        unit: day, week or month.
        at: wall time such as `06:30`.
        zone: IANA zone of the wall time.
        on: for a week 1 (Monday) to 7, for a month 1 to 31; None for a day.
    """

    unit: Unit
    at: str
    zone: str
    on: int | None = None

    def __post_init__(self) -> None:
        require(bool(WALL_TIME.fullmatch(self.at)), f"Cadence: at {self.at!r} is not a wall time such as '06:30'")
        try:
            zone_of(self.zone)
        except ValueError as error:
            require(False, f"Cadence: zone: {error}")
        last = {"day": None, "week": 7, "month": 31}[self.unit]
        if last is None:
            require(self.on is None, f"Cadence: on {self.on} says nothing about a day")
        else:
            require(self.on in range(1, last + 1), f"Cadence: on {self.on} is outside 1 to {last} of a {self.unit}")


Cadence = FixedCadence | CalendarCadence


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A spine without a table: at each occasion of a cadence, every entity of a population gets a decision.

    An entity gets one decision at an occasion, however many rows it has. A null key names nobody. Occasions begin at
    `from` of the request, or else at the decision's `history_since`. They end before `to`, and none is later than
    `as_of`.

    Args:
        population: the source whose keys are decided about. In a static source all rows count at every occasion. In an
            event source an entity counts if a decision at that occasion would see an event of it that is at most
            `lookback` old.
        cadence: when decisions are made, such as `weekly(on="monday", at="06:30", zone="Europe/Berlin")`.
        lookback: how old an event of the population may be, this age included. You need it for an event source.
        active_from: a time column of a static population. A row counts from then on. Null leaves that side open. A date
            counts as the END of its day in the zone of the source.
        active_until: a time column of a static population. A row counts until before then. Null leaves that side open.
            A date counts as the END of its day.
    """

    population: Source
    cadence: Cadence
    lookback: timedelta | None = None
    active_from: str | None = None
    active_until: str | None = None

    def __post_init__(self) -> None:
        place = f"Generated spine of {self.population.name}"
        given = self.lookback is not None
        if self.population.static:
            require(not given, f"{place}: lookback is for events; {self.population.name} is static")
        else:
            require(given, f"{place}: say how long an event keeps its entity in the population: lookback=")
        require(
            self.lookback is None or self.lookback > timedelta(0), f"{place}: lookback {self.lookback} is not positive"
        )
        for role, column in (("active_from", self.active_from), ("active_until", self.active_until)):
            if column is not None:
                require(self.population.static, f"{place}: {role} is for a static population; events have lookback")
                check_time_column(place, role, self.population, column)


@typed
def every(interval: timedelta, *, anchor: datetime) -> FixedCadence:
    """An occasion at the anchor, and at every interval before and after it.

    Args:
        interval: the time between two occasions.
        anchor: an instant with a zone.
    """
    return FixedCadence(interval=interval, anchor=anchor)


@typed
def daily(*, at: str, zone: str) -> CalendarCadence:
    """An occasion each day at a wall time.

    Args:
        at: the wall time, such as `06:30`.
        zone: the IANA time zone of the wall time.
    """
    return CalendarCadence(unit="day", at=at, zone=zone)


@typed
def weekly(*, on: Weekday, at: str, zone: str) -> CalendarCadence:
    """An occasion each week.

    Args:
        on: a day such as `monday`.
        at: the wall time, such as `06:30`.
        zone: the IANA time zone of the wall time.
    """
    return CalendarCadence(unit="week", at=at, zone=zone, on=WEEKDAYS.index(on) + 1)


@typed
def monthly(*, on: int, at: str, zone: str) -> CalendarCadence:
    """An occasion each month.

    Args:
        on: a day from 1 to 31. A month without that day has its occasion on its last day.
        at: the wall time, such as `06:30`.
        zone: the IANA time zone of the wall time.
    """
    return CalendarCadence(unit="month", at=at, zone=zone, on=on)
