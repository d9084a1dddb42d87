"""Naive local times as UTC, so that nothing leaks: where a clock reading is ambiguous the caller says which is safe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from assembly_line.instants import MICROSECOND, zone_of


@dataclass(frozen=True, slots=True)
class Shifts:
    """What to add to naive local times of some whole minutes to get UTC, in microseconds.

    A reading that occurs twice (clocks set back) or never (set forward) has two candidates: the later instant is right
    for event and known times, the earlier for decision times.
    """

    earlier: list[int]
    later: list[int]

    @property
    def ambiguous(self) -> bool:
        """Whether some reading has two candidates."""
        return self.earlier != self.later


def utc_shifts(minutes: Iterable[datetime], zone: str) -> Shifts:
    """The shifts of each of these minutes, in order."""
    place = zone_of(zone)
    shifts = Shifts([], [])
    for minute in minutes:
        candidates = [minute.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1)]
        for found, chosen in ((shifts.earlier, min), (shifts.later, max)):
            found.append((chosen(candidates).replace(tzinfo=None) - minute) // MICROSECOND)
    return shifts
