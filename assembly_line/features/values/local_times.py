"""Naive local times as UTC, so that nothing leaks: where a clock reading is ambiguous the caller says which is safe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from assembly_line.instants import wall_time_offset


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


def utc_shifts(minutes: Iterable[int], zone: str) -> Shifts:
    """The shifts of each of these minutes, given as microseconds since 1970-01-01T00:00 local time, in order."""
    shifts = Shifts([], [])
    for minute in minutes:
        candidates = [-wall_time_offset(minute, zone, fold=fold) for fold in (0, 1)]
        shifts.earlier.append(min(candidates))
        shifts.later.append(max(candidates))
    return shifts
