"""Until when rows of a source happened and were known that a decision at one instant may know.

The rule of point in time is written here a second time on purpose: what the engines do is what the audit is about.
"""

from __future__ import annotations

from assembly_line.declarations.sources import Source
from assembly_line.features.values.semantics import micros_of
from assembly_line.instants import DAY_MICROS, start_of_day


def known_until(source: Source, instant: int, boundary: str) -> dict[str, int]:
    """Time column -> its latest value, inclusive, in the units of its type: microseconds, or days for a date.

    Args:
        source: one of events; a row whose value is null was never known.
        instant: microseconds.
        boundary: of the line's decision.
    """
    if source.event_time is None:
        raise ValueError(f"source {source.name} is static; expected events")
    happened = instant if boundary == "at_or_before" else instant - 1
    if source.delay is not None:
        happened = min(happened, instant - micros_of(source.delay))
    limits = {source.event_time: _value(source, source.event_time, happened)}
    if source.known_time is not None:
        known = _value(source, source.known_time, instant)
        limits[source.known_time] = min(known, limits.get(source.known_time, known))
    return limits


def _value(source: Source, column: str, instant: int) -> int:
    if source.columns[column] == "date":
        return _last_whole_day(instant, source.zone or "UTC")
    return instant


def _last_whole_day(instant: int, zone: str) -> int:
    """The last day that has ended by the instant: a date counts as the end of its day in its zone."""
    around = instant // DAY_MICROS
    day = around + 2
    while day > around - 3 and start_of_day(day + 1, zone) > instant:
        day -= 1
    return day
