"""Declared moments, such as `weekly on monday at 04:00`: the words, when they are, and what a line does then."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from assembly_line.declarations.checks import check_finite, require
from assembly_line.declarations.typed import typed

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Every month has the days up to 28.
CLOCK = re.compile(
    rf"(?:daily|weekly on (?P<weekday>{'|'.join(DAYS)})|monthly on (?P<day>[1-9]|1\d|2[0-8]))"
    r" at (?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)"
)
# Between a moment and the next one lies at most a month.
LONGEST = 32


def check_clock(place: str, declared: str | None) -> None:
    """Refuse other words. None, no moment at all, is fine."""
    require(
        declared is None or bool(CLOCK.fullmatch(declared)),
        f"{place}: {declared!r}: expected such as 'daily at 05:00', 'weekly on monday at 05:00' or "
        "'monthly on 1 at 05:00' (UTC)",
    )


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """When the line trains again by itself. A reviewer judges that run as any other.

    The first model is trained by hand. While a training run of the line goes on, or waits for its review, no other one
    is started.

    Args:
        at: the moments when the line looks, such as `weekly on monday at 04:00` or `daily at 05:00`, in UTC.
        model_age: the champion may be this old. Its age counts from the instant of what its training data knew. An
            older one is trained again, with what is known at the moment of the look.
        margin: how much better than the champion a new model must be, by the first measure of the outcome's kind on the
            same decisions. A model that is not better by more never comes before a reviewer.
    """

    at: str
    model_age: timedelta = timedelta(days=30)
    margin: float = 0.0

    def __post_init__(self) -> None:
        check_clock("Refresh: at", self.at)
        require(self.model_age >= timedelta(0), f"Refresh: model_age {self.model_age} is negative")
        check_finite("Refresh: margin", self.margin)


def last_moment(declared: str, now: datetime) -> datetime:
    """The latest declared moment that is not after `now`."""
    found = (_moment(declared, now, back) for back in range(LONGEST))
    return next(moment for moment in found if moment is not None and moment <= now)


def next_moment(declared: str, now: datetime) -> datetime:
    """The first declared moment after `now`."""
    found = (_moment(declared, now, -ahead) for ahead in range(LONGEST))
    return next(moment for moment in found if moment is not None and moment > now)


def parts_of(declared: str) -> re.Match[str]:
    """The named groups of `CLOCK`.

    Raises:
        ValueError: these are no such words.
    """
    found = CLOCK.fullmatch(declared)
    if found is None:
        raise ValueError(f"{declared!r} is not a declared moment")
    return found


def _moment(declared: str, now: datetime, back: int) -> datetime | None:
    """The moment of the day that lies `back` days before `now`, if it has one."""
    parts = parts_of(declared)
    day = now.astimezone(UTC).date() - timedelta(days=back)
    at = time(int(parts["hour"]), int(parts["minute"]), tzinfo=UTC)
    return datetime.combine(day, at) if _falls_on(parts, day) else None


def _falls_on(parts: re.Match[str], day: date) -> bool:
    weekday = parts["weekday"] in (None, DAYS[day.weekday()])
    return weekday and parts["day"] in (None, str(day.day))
