"""Naive local times as UTC, so that nothing leaks: where a clock reading is ambiguous the caller says which is safe."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from assembly_line.instants import MICROSECOND, zone_of


def utc_shifts(minutes: Iterable[datetime], zone: str, *, later: bool) -> list[int]:
    """Microseconds to add to naive local times of these whole minutes to get UTC.

    A reading that occurs twice (clocks set back) or never (set forward) has two candidates: `later` takes the later
    instant, right for event and known times; otherwise the earlier, right for decision times.
    """
    wanted = max if later else min
    place = zone_of(zone)
    shifts = []
    for minute in minutes:
        candidates = [minute.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1)]
        shifts.append((wanted(candidates).replace(tzinfo=None) - minute) // MICROSECOND)
    return shifts
