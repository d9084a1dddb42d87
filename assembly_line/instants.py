"""Instants: UTC with microseconds everywhere, parsed strictly, written one way."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from assembly_line.errors import RequestRefused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY_MICROS = 86_400_000_000
# The first and the last instant that have a date: years 1 to 9999.
FIRST_MICROS, LAST_MICROS = -62_135_596_800_000_000, 253_402_300_799_999_999
# Within these every zone's wall times have dates too.
LEAST, GREATEST = -62_000_000_000_000_000, 253_000_000_000_000_000
# After 400 years the same days of the week fall on the same dates, and a zone's rules are what they were.
CYCLE = 146_097 * DAY_MICROS
SHOWN = 100  # characters of what is no instant


def calendar_form(dash: str) -> str:
    """The days of the years 1 to 9999 as a regular expression that every language has: months as long as they are."""
    year = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
    leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
    months = (
        f"(0[13578]|1[02]){dash}(0[1-9]|[12][0-9]|3[01])",
        f"(0[469]|11){dash}(0[1-9]|[12][0-9]|30)",
        f"02{dash}(0[1-9]|1[0-9]|2[0-8])",
    )
    return f"({year}{dash}({'|'.join(months)})|{leap}{dash}02{dash}29)"


_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"  # not \d, which means digits of other scripts too
_MINUTE = "([01][0-9]|2[0-3]):[0-5][0-9]"


def _read_form(date: str) -> str:
    return rf"{date}(T{_MINUTE}(:[0-5][0-9](\.[0-9]{{1,9}})?)?(Z|[+-]{_MINUTE}))?"


# The forms of an instant in regular expressions, for the published schemas. They know all but that an offset may lead
# out of the years 1 to 9999; `parse_instant` knows that too.
WRITTEN_FORM = rf"{calendar_form('-')}T{_MINUTE}:[0-5][0-9]\.[0-9]{{6}}Z"
READ_FORM = _read_form(calendar_form("-"))
_READ = re.compile(_read_form(_DATE))


def parse_instant(text: str, *, field: str) -> datetime:
    """Read an ISO 8601 instant with a zone, or a bare date, which means the start of that day in UTC.

    Digits beyond the microsecond are cut off.

    Raises:
        RequestRefused: it is neither, no calendar has it, or a time of day carries no zone. The message names `field`.
    """
    if not isinstance(text, str) or not _READ.fullmatch(text):
        if isinstance(text, str) and _READ.fullmatch(f"{text}Z"):
            raise RequestRefused(
                f"{field}: {text!r} has no zone; write {text + 'Z'!r}, or an offset in its place",
                where=field,
                value=repr(text),
                expected=f"a zone, such as {text + 'Z'!r}",
            )
        raise _no_instant(text, field)
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise _no_instant(text, field) from error
    if parsed.tzinfo is UTC:
        return parsed
    try:
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except OverflowError as error:
        raise RequestRefused(
            f"{field}: {text!r} lies outside the years 1 to 9999 in UTC",
            where=field,
            value=repr(text),
            expected="an instant of the years 1 to 9999 in UTC",
        ) from error


def _no_instant(text: object, field: str) -> RequestRefused:
    # It may be long; whoever reads the refusal knows it by its beginning.
    shown = f"{text[:SHOWN]}..." if isinstance(text, str) and len(text) > SHOWN else text
    return RequestRefused(
        f"{field}: {shown!r} is not an instant; expected ISO 8601 such as 2017-07-01 or 2017-07-01T00:00:00Z",
        where=field,
        value=repr(shown),
        expected="ISO 8601 such as 2017-07-01 or 2017-07-01T00:00:00Z",
    )


def format_instant(instant: datetime) -> str:
    """Write an instant as `2017-07-01T00:00:00.000000Z`.

    Raises:
        ValueError: the instant has no zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs a zone, got {instant!r}")
    in_utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    # Not strftime, which writes the years before 1000 with fewer digits; without its zone, as that is written slower.
    return f"{in_utc.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def parse_day(text: str, *, field: str) -> date:
    """Read a calendar day such as `2017-07-12`.

    Raises:
        RequestRefused: it is none, or no calendar has it. The message names `field`.
    """
    if len(text) == len("2017-07-12"):
        with suppress(RequestRefused):
            return parse_instant(text, field=field).date()
    raise RequestRefused(
        f"{field}: {text!r} is not a day; expected one such as 2017-07-12",
        where=field,
        value=repr(text),
        expected="a day such as 2017-07-12",
    )


def format_day(instant: datetime) -> str:
    """Write the day of an instant in UTC as `20170701`."""
    return format_instant(instant)[:10].replace("-", "")


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z, exact."""
    return (instant - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    """The instant `micros` microseconds after 1970-01-01T00:00:00Z."""
    return EPOCH + timedelta(microseconds=micros)


def day_end(day: date, zone: str) -> datetime:
    """The first instant after a calendar day in a zone, as UTC: when all of that day has happened and is known."""
    return from_micros(start_of_day((day - EPOCH.date()).days + 1, zone))


def day_start(day: date, zone: str) -> datetime:
    """The first instant of a calendar day in a zone, as UTC."""
    return from_micros(start_of_day((day - EPOCH.date()).days, zone))


def start_of_day(day: int, zone: str) -> int:
    """The first microsecond of a day in a zone, or the first or last that has a date if it lies beyond.

    Args:
        day: days since 1970-01-01.
    """
    midnight = day * DAY_MICROS
    return min(max(midnight - wall_time_offset(midnight, zone), FIRST_MICROS), LAST_MICROS)


def wall_time_offset(wall_time: int, zone: str, *, fold: int = 0) -> int:
    """Microseconds by which a wall time of a zone is ahead of the instant it means.

    Args:
        wall_time: microseconds since 1970-01-01T00:00 on the zone's clocks.
        fold: 0 takes the first of a wall time that occurs twice, and the offset before clocks were set forward for one
            that is skipped, which moves it forward; 1 the other.
    """
    naive = from_micros(with_dates(wall_time)).replace(tzinfo=None)
    return offset_of(naive.replace(tzinfo=zone_of(zone), fold=fold))


def offset_at(instant: int, zone: str) -> int:
    """Microseconds by which the clocks of a zone are ahead of UTC at an instant, given in microseconds."""
    return offset_of(from_micros(with_dates(instant)).astimezone(zone_of(zone)))


def with_dates(micros: int) -> int:
    """A time at which zones have the same offsets as at this one, and around which everything has a date."""
    if micros > GREATEST:
        return min(micros, LAST_MICROS) - CYCLE
    # So early every zone keeps the time of its sun, without a rule.
    return max(micros, LEAST)


def later(instant: datetime, by: timedelta) -> datetime:
    """An instant so much later, or earlier if negative: the last or first that has a date if it lies beyond."""
    return from_micros(min(max(to_micros(instant) + by // MICROSECOND, FIRST_MICROS), LAST_MICROS))


def offset_of(moment: datetime) -> int:
    """Microseconds by which the clocks that show a moment are ahead of UTC.

    Raises:
        ValueError: the moment has no zone.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError(f"{moment} has no zone")
    return offset // MICROSECOND


def zone_of(name: str) -> ZoneInfo:
    """The IANA time zone of that name.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone such as 'UTC' or 'America/New_York'") from error
