"""A day of decisions: in the zone in which the line's decision times are days."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from assembly_line.errors import RequestRefused
from assembly_line.instants import day_end, day_start, format_instant, parse_day

if TYPE_CHECKING:
    from assembly_line.cli.target import Target


def day_of_decisions(target: Target, line: str, day: str | None) -> dict[str, str]:
    """`from` and `to` of all decisions of a day; of today without one.

    Raises:
        RequestRefused: it is not a day.
        NotFound: the line was never released.
    """
    zone = target.released.current(line).decision.zone
    return bounds(parse_day(day, field="--date") if day else datetime.now(ZoneInfo(zone)).date(), zone)


def instant_of_line(target: Target, line: str, text: str, *, field: str) -> str:
    """An instant as it is written, or the start of a day in the zone of the line's decision time."""
    try:
        day = parse_day(text, field=field)
    except RequestRefused:
        return text
    return bounds(day, target.released.current(line).decision.zone)["from"]


def bounds(day: date, zone: str) -> dict[str, str]:
    return {
        "from": format_instant(day_start(day, zone)),
        "to": format_instant(day_end(day, zone)),
    }
