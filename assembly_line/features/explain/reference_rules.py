"""Predicates and calendar windows for one row and one decision, by plain Python: what explanations go by.

The rules again as they are written, without a line of what the kernel computes with, so that the two hold each other.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from assembly_line.declarations.predicates import AllOf, Among, AnyOf, Comparison, IsNull, Negation, Predicate, Scalar
from assembly_line.declarations.windows import CalendarWindow, Window
from assembly_line.features.explain.reference_values import rank
from assembly_line.features.sources.entity_rows import Row
from assembly_line.features.values.semantics import EPOCH_DAY
from assembly_line.instants import CYCLE, FIRST_MICROS, GREATEST, MICROSECOND, from_micros, to_micros, zone_of

DAYS_OF = {"day": 1, "week": 7}
MONTHS_OF = {"month": 1, "year": 12}


def is_true(predicate: Predicate, row: Row) -> bool | None:
    """Whether a predicate is true of a row of plain values; None where it is unknown."""
    match predicate:
        case AllOf(parts=parts):
            return _all([is_true(part, row) for part in parts])
        case AnyOf(parts=parts):
            return _opposite(_all([_opposite(is_true(part, row)) for part in parts]))
        case Negation(part=part):
            return _opposite(is_true(part, row))
        case IsNull(column=column):
            return row[column] is None
        case Comparison(column=column, operator=operator, value=value):
            return None if row[column] is None else _compares(rank(row[column]), operator, rank(_plain(value)))
        case Among(column=column, values=values):
            return None if row[column] is None else rank(row[column]) in [rank(_plain(value)) for value in values]
    raise TypeError(f"expected a predicate, got {type(predicate).__name__}")


def window_start(window: Window, at: int) -> int:
    """Where the window of a decision at an instant begins, both in microseconds."""
    if isinstance(window, timedelta):
        return at - window // MICROSECOND
    if at > GREATEST:
        return window_start(window, at - CYCLE) + CYCLE
    zone = zone_of(window.zone)
    try:
        local = from_micros(at).astimezone(zone)
        # Without fold a wall time that occurs twice is the first; one that is skipped counts on from before the gap.
        earlier = datetime.combine(_earlier_day(window, local.date()), local.time()).replace(tzinfo=zone)
    except (OverflowError, ValueError):
        # Nothing happened before the first day.
        return FIRST_MICROS - 1
    return to_micros(earlier)


def _earlier_day(window: CalendarWindow, day: date) -> date:
    if window.unit in DAYS_OF:
        return day - timedelta(days=window.number * DAYS_OF[window.unit])
    month = day.year * 12 + day.month - 1 - window.number * MONTHS_OF[window.unit]
    first = date(month // 12, month % 12 + 1, 1)
    last = date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day))


def _all(parts: list[bool | None]) -> bool | None:
    if False in parts:
        return False
    return None if None in parts else True


def _opposite(value: bool | None) -> bool | None:
    return None if value is None else not value


def _compares(left: Any, operator: str, right: Any) -> bool:
    if operator in ("==", "!="):
        return bool((left == right) == (operator == "=="))
    if operator in ("<", ">="):
        return bool((left < right) == (operator == "<"))
    if operator in (">", "<="):
        return bool((left > right) == (operator == ">"))
    raise TypeError(f"{operator!r} compares nothing")


def _plain(value: Scalar) -> Any:
    """A value as rows carry it: instants in microseconds, dates in days."""
    if isinstance(value, datetime):
        return to_micros(value)
    return (value - EPOCH_DAY).days if isinstance(value, date) else value
