"""A raw source file made into typed Parquet, one file a month: every declared column, cast without loss, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.named_files import check_file
from assembly_line.features.files.parquet import literal, parquet_rows
from assembly_line.features.files.raw_columns import NAIVE, NOTHING, RawColumn, raw_columns
from assembly_line.features.files.raw_times import day_of, is_finer, is_outside, micros_of
from assembly_line.features.files.session import connect, physical, quoted, sql_type
from assembly_line.features.sources.source_checks import check_columns, check_times, check_values, float_of
from assembly_line.features.values.columns import column_of
from assembly_line.features.values.local_times import utc_shifts
from assembly_line.features.values.semantics import instants_of
from assembly_line.instants import FIRST_MICROS, LAST_MICROS

MEMORY_MIB = 2048
MINUTE = 60_000_000
# A blank cannot stand in a declared column's name.
MONTH = quoted("month of event")
NO_MONTH = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedFile:
    """One written Parquet file. Times are event times in microseconds, None where there is none.

    Args:
        inexact: time columns of the whole source in which an instant had to be chosen: a value was finer than
            microseconds, outside the years 1 to 9999, or a naive local time that its zone has twice or never.
    """

    path: Path
    month: str | None
    rows: int
    min_time: int | None
    max_time: int | None
    inexact: tuple[str, ...] = ()


def write_typed(source: Source, file: Path, folder: Path) -> list[TypedFile]:
    """Check a raw Parquet file against the declaration and write it typed into `folder`.

    Raises:
        SourceUnreadable: it is missing, empty, not Parquet, lacks a column, or holds a value that its declared type
            cannot hold. Nothing is written then that anyone reads.
    """
    # A name that is not UTF-8 could not be printed.
    place = f"source {source.name}: {file.name.encode(errors='backslashreplace').decode()}"
    check_file(place, file)
    try:
        with connect(folder, memory_mib=MEMORY_MIB, also=[file.resolve().parent]) as connection:
            connection.execute(f"CREATE TEMP VIEW raw AS SELECT * FROM {parquet_rows([file])}")
            columns = check_columns(place, source, raw_columns(connection, file))
            check_times(place, source, columns, connection)
            check_values(place, source, columns, connection)
            inexact = _create_typed(source, columns, connection)
            return [replace(part, inexact=inexact) for part in _write_months(source, folder, connection)]
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        raise SourceUnreadable(f"{place}: cannot be read as Parquet ({first_line}); write it again") from error


def undeclared_columns(source: Source, file: Path) -> dict[str, str]:
    """Column -> type in the file, of the columns that the source does not declare; they are not loaded."""
    with connect(file.resolve().parent, memory_mib=MEMORY_MIB) as connection:
        columns = raw_columns(connection, file)
    return {column.name: column.kind for column in columns if column.name not in source.columns}


def _create_typed(
    source: Source, columns: Mapping[str, RawColumn], connection: duckdb.DuckDBPyConnection
) -> tuple[str, ...]:
    """Create the table `typed`, and say which time columns are inexact."""
    inexact = _chosen(source, columns, connection)
    expressions, joins = [], []
    for number, (name, kind) in enumerate(source.columns.items()):
        column = columns[name]
        value = _typed(column, kind)
        if kind == "timestamp" and column.kind != NOTHING:
            # Event and known times round up and take the later of two instants: what is later cannot leak.
            later = name in (source.event_time, source.known_time)
            value = micros_of(column)
            value = f"{value} + CASE WHEN {is_finer(column)} THEN 1 ELSE 0 END" if later else value
            if column.kind in NAIVE and source.zone != "UTC":
                if _store_shifts(number, value, source.zone or "UTC", connection, later=later):
                    inexact.add(name)
                joins.append(f"LEFT JOIN shifts_{number} s{number} ON s{number}.minute = {_minute(value)}")
                value = f"{value} + s{number}.shift"
            value = _instants(value)
        expressions.append(f"{value} AS {quoted(name)}")
    order = [source.event_time] if source.event_time else []
    ordered = ", ".join(quoted(name) for name in dict.fromkeys((*order, *source.columns)))
    connection.execute(
        f"CREATE TEMP TABLE typed AS SELECT *, {_month(source)} AS {MONTH} FROM "
        f"(SELECT {', '.join(expressions)} FROM raw {' '.join(joins)}) ORDER BY {ordered}"
    )
    return tuple(name for name in source.columns if name in inexact)


def _typed(column: RawColumn, kind: str) -> str:
    if kind == "date" and column.kind != NOTHING:
        return day_of(column)
    return float_of(column) if kind == "float64" else f"CAST({column.sql} AS {sql_type(kind)})"


def _chosen(source: Source, columns: Mapping[str, RawColumn], connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Time columns with values that are finer than microseconds or outside the years 1 to 9999."""
    times = {
        name: f"{is_finer(columns[name])} OR {is_outside(columns[name])}"
        for name, kind in source.columns.items()
        if kind in ("timestamp", "date") and columns[name].kind != NOTHING
    }
    if not times:
        return set()
    flags = ", ".join(f"coalesce(bool_or({condition}), false)" for condition in times.values())
    found = connection.execute(f"SELECT {flags} FROM raw").fetchall()[0]
    return {name for name, chosen in zip(times, found, strict=True) if chosen}


def _instants(micros: str) -> str:
    # A null is not clamped, and a cast from a time without a zone would ask the calendar for each value.
    inside = f"least(greatest({micros}, {FIRST_MICROS}), {LAST_MICROS})"
    return f"CASE WHEN {micros} IS NOT NULL THEN make_timestamptz({inside}) END"


def _month(source: Source) -> str:
    if source.event_time is None:
        return "NULL"
    column = quoted(source.event_time)
    # Naive on purpose: formatting an instant in a zone, even UTC, is many times slower.
    plain = column if source.columns[source.event_time] == "date" else f"make_timestamp(epoch_us({column}))"
    return f"coalesce(strftime({plain}, '%Y-%m'), {literal(NO_MONTH)})"


def _minute(micros: str) -> str:
    """The beginning of the minute, also before 1970."""
    return f"{micros} - ((({micros}) % {MINUTE}) + {MINUTE}) % {MINUTE}"


def _store_shifts(number: int, micros: str, zone: str, connection: duckdb.DuckDBPyConnection, *, later: bool) -> bool:
    """Store what each minute's readings are shifted by to get UTC, and say whether one of them is ambiguous."""
    query = f"SELECT DISTINCT {_minute(micros)} FROM raw WHERE {micros} IS NOT NULL"
    minutes = [row[0] for row in connection.execute(query).fetchall()]
    connection.execute(f"CREATE TEMP TABLE shifts_{number} (minute BIGINT, shift BIGINT)")
    shifts = utc_shifts(minutes, zone)
    if minutes:
        connection.execute(
            f"INSERT INTO shifts_{number} SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[])",
            [minutes, shifts.later if later else shifts.earlier],
        )
    return shifts.ambiguous


def _write_months(source: Source, folder: Path, connection: duckdb.DuckDBPyConnection) -> list[TypedFile]:
    edges = "CAST(NULL AS DATE), CAST(NULL AS DATE)"
    if source.event_time is not None:
        kind = source.columns[source.event_time]
        edges = ", ".join(physical(f"{edge}({quoted(source.event_time)})", kind) for edge in ("min", "max"))
    found = connection.execute(f"SELECT {MONTH}, count(*), {edges} FROM typed GROUP BY 1 ORDER BY 1").fetchall()
    files = []
    for number, (month, rows, least, greatest) in enumerate(found):
        path = folder / f"{number:06}.parquet"
        condition = "true" if month is None else f"{MONTH} = {literal(month)}"
        connection.execute(
            f"COPY (SELECT * EXCLUDE ({MONTH}) FROM typed WHERE {condition}) TO {literal(str(path))} "
            "(FORMAT parquet, COMPRESSION zstd)"
        )
        first, last = _instant(source, least), _instant(source, greatest)
        files.append(TypedFile(path=path, month=month, rows=rows, min_time=first, max_time=last))
    return files


def _instant(source: Source, value: int | None) -> int | None:
    """A physical event time as an instant."""
    if value is None or source.event_time is None:
        return None
    column = column_of(source.columns[source.event_time], [value])
    return int(instants_of(column, zone=source.zone, edge="end").values[0])
