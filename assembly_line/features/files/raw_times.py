"""The times and days of a raw column, whatever their form, as SQL: in microseconds, and within the years 1 to 9999.

Infinity, and what lies outside these years, becomes the nearest instant or day inside: so no later step meets a time
that has no date, and an end that is never reached stays one.
"""

from __future__ import annotations

from assembly_line.features.files.raw_columns import INSTANTS, INT96, NANOSECONDS, RawColumn
from assembly_line.instants import DAY_MICROS, FIRST_MICROS, LAST_MICROS

DAYS = ("DATE '0001-01-01'", "DATE '9999-12-31'")
NAIVE_TIMES = (f"make_timestamp({FIRST_MICROS})", f"make_timestamp({LAST_MICROS})")
ZONED_TIMES = (f"make_timestamptz({FIRST_MICROS})", f"make_timestamptz({LAST_MICROS})")


def micros_of(column: RawColumn) -> str:
    """The times in microseconds, rounded down; of naive ones as if they were UTC."""
    if column.kind == INT96:
        # Its days are clamped before they are multiplied; the time of day of a clamped one does not matter.
        return f"{_days_of(column)} * {DAY_MICROS} + epoch_ns({column.sql}.time) // 1000"
    value, edges = _plain(column)
    micros = f"epoch_us({_clamped(value, edges)})"
    if column.kind not in NANOSECONDS:
        return micros
    nanos = _nanos(column)
    # Infinity has no number of nanoseconds; all others of this type have a date.
    return f"coalesce({nanos} // 1000 - CASE WHEN {nanos} % 1000 < 0 THEN 1 ELSE 0 END, {micros})"


def is_finer(column: RawColumn) -> str:
    """True where a time is finer than microseconds."""
    if column.kind == INT96:
        return f"epoch_ns({column.sql}.time) % 1000 <> 0"
    return f"{_nanos(column)} % 1000 <> 0" if column.kind in NANOSECONDS else "false"


def is_outside(column: RawColumn) -> str:
    """True where a time or a day lies outside the years 1 to 9999; infinity does not."""
    value, edges = _plain(column)
    return f"isfinite({value}) AND {value} NOT BETWEEN {edges[0]} AND {edges[1]}"


def day_of(column: RawColumn) -> str:
    """The days of a column of dates, or of midnights."""
    value, edges = _plain(column)
    return _clamped(f"CAST({value} AS DATE)", DAYS) if edges != DAYS else _clamped(value, DAYS)


def has_time_of_day(column: RawColumn) -> str:
    """True where a time is no midnight; infinity is one."""
    if column.kind == INT96:
        return f"epoch_ns({column.sql}.time) <> 0"
    value = _plain(column)[0]
    return f"{value} <> date_trunc('day', {value}) OR coalesce({is_finer(column)}, false)"


def _plain(column: RawColumn) -> tuple[str, tuple[str, str]]:
    """The value in a type that knows infinity, and the edges of that type."""
    if column.kind == INT96:
        return f"{column.sql}.date", DAYS
    if column.kind == "DATE":
        return column.sql, DAYS
    if column.kind == INSTANTS[0]:
        return column.sql, ZONED_TIMES
    # Times with nanoseconds become UTC by this cast where they have a zone: it is the session's.
    value = f"CAST({column.sql} AS TIMESTAMP_NS)" if column.kind in NANOSECONDS else column.sql
    return f"CAST({value} AS TIMESTAMP)", NAIVE_TIMES


def _days_of(column: RawColumn) -> str:
    return f"({_clamped(f'{column.sql}.date', DAYS)} - DATE '1970-01-01')"


def _nanos(column: RawColumn) -> str:
    return f"epoch_ns(CAST({column.sql} AS TIMESTAMP_NS))"


def _clamped(value: str, edges: tuple[str, str]) -> str:
    # The least and the greatest of a null and an edge is the edge.
    return f"CASE WHEN {value} IS NOT NULL THEN least(greatest({value}, {edges[0]}), {edges[1]}) END"
