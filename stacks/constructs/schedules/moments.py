"""Declared moments, as AWS spells them."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

from assembly_line.declarations.clock import DAYS, parts_of
from assembly_line.declarations.populations import Cadence, FixedCadence
from assembly_line.instants import EPOCH, offset_at, to_micros

MINUTE, DAY_MINUTES = timedelta(minutes=1), 24 * 60
MINUTE_MICROS = 60_000_000
# Days since 1970 whose offsets a zone is taken to have: 2024 to 2037, as far as its rules are written down.
SAMPLED = range(19_723, 24_837)


def cron_of(refresh: str) -> str:
    """A declared moment as the schedule of EventBridge's rules and schedules, in UTC."""
    found = parts_of(refresh)
    day, weekday = found["day"] or ("?" if found["weekday"] else "*"), "?"
    if found["weekday"]:
        # Sunday is 1.
        weekday = str((DAYS.index(found["weekday"]) + 1) % 7 + 1)
    return f"cron({int(found['minute'])} {int(found['hour'])} {day} * {weekday} *)"


def crons_of(cadence: Cadence) -> list[str]:
    """Schedules in UTC that call at every occasion of a cadence, and besides where its zone has another offset.

    In UTC each time of a day exists once. EventBridge's own zones drop a local time that a night skips.
    """
    if isinstance(cadence, FixedCadence):
        step, anchor = cadence.interval // MINUTE, (cadence.anchor - EPOCH) // MINUTE
        return _daily({(anchor + step * number) % DAY_MINUTES for number in range(max(1, DAY_MINUTES // step))})
    hour, minute = map(int, cadence.at.split(":"))
    offsets = {offset_at(to_micros(EPOCH + timedelta(days=day)), cadence.zone) // MINUTE_MICROS for day in SAMPLED}
    return _daily({(hour * 60 + minute - offset) % DAY_MINUTES for offset in offsets})


def _daily(minutes: set[int]) -> list[str]:
    """One schedule for all minutes that are due in the same hours."""
    of_minute: dict[int, list[int]] = defaultdict(list)
    for each in sorted(minutes):
        of_minute[each % 60].append(each // 60)
    of_hours: dict[str, list[int]] = defaultdict(list)
    for minute, hours in of_minute.items():
        of_hours["*" if len(hours) == 24 else ",".join(map(str, hours))].append(minute)
    return [f"cron({','.join(map(str, sorted(some)))} {hours} * * ? *)" for hours, some in sorted(of_hours.items())]
