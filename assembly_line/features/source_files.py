"""A raw source file made into typed Parquet, one file a month: every declared column, cast without loss, or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.columns import column_of
from assembly_line.features.duckdb_session import connect, literal, physical, quoted, sql_type
from assembly_line.features.local_times import utc_shifts
from assembly_line.features.semantics import instants_of
from assembly_line.features.source_checks import NAIVE, check_columns, check_values

MEMORY_MIB = 2048
# A blank cannot stand in a declared column's name.
MONTH = quoted("month of event")
NO_MONTH = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedFile:
    """One written Parquet file. Times are event times in microseconds, None where there is none.

    Args:
        inexact: time columns of the whole source in which an instant had to be chosen: a value was finer than
            microseconds, or a naive local time that its zone has twice or never.
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
    place = f"source {source.name}: {file.name}"
    if not file.is_file():
        raise SourceUnreadable(f"{place}: there is no such file in {file.parent}; expected a Parquet file")
    if file.stat().st_size == 0:
        raise SourceUnreadable(f"{place}: is empty (0 bytes); expected a Parquet file")
    try:
        with connect(folder, memory_mib=MEMORY_MIB, also=[file.parent]) as connection:
            connection.execute(f"CREATE TEMP VIEW raw AS SELECT * FROM read_parquet({literal(str(file.resolve()))})")
            kinds = {str(row[0]): str(row[1]) for row in connection.execute("DESCRIBE raw").fetchall()}
            check_columns(place, source, kinds)
            check_values(place, source, kinds, connection)
            inexact = _create_typed(source, kinds, connection)
            return [replace(part, inexact=inexact) for part in _write_months(source, folder, connection)]
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        raise SourceUnreadable(f"{place}: cannot be read as Parquet ({first_line}); write it again") from error


def undeclared_columns(source: Source, file: Path) -> dict[str, str]:
    """Column -> type in the file, of the columns that the source does not declare; they are not loaded."""
    with connect(file.parent, memory_mib=MEMORY_MIB) as connection:
        described = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(file.resolve())]).fetchall()
    return {str(row[0]): str(row[1]) for row in described if str(row[0]) not in source.columns}


def _create_typed(source: Source, kinds: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Create the table `typed`, and say which time columns are inexact."""
    expressions, joins, inexact = [], [], []
    for number, (column, kind) in enumerate(source.columns.items()):
        value = f"raw.{quoted(column)}"
        if kind == "timestamp" and kinds[column] in NAIVE:
            # Event and known times round up and take the later of two instants: what is later cannot leak.
            later = column in (source.event_time, source.known_time)
            finer = _has_finer(value, kinds[column], connection)
            value = _micros(value, kinds[column], up=later)
            ambiguous = False
            if source.zone != "UTC":
                ambiguous = _store_shifts(number, value, source.zone or "UTC", connection, later=later)
                joins.append(f"LEFT JOIN shifts_{number} s{number} ON s{number}.minute = {_minute(value)}")
                value = f"{value} + s{number}.shift"
            value = f"make_timestamp({value})"
            inexact += [column] if finer or ambiguous else []
        expressions.append(f"CAST({value} AS {sql_type(kind)}) AS {quoted(column)}")
    order = [source.event_time] if source.event_time else []
    ordered = ", ".join(quoted(column) for column in dict.fromkeys((*order, *source.columns)))
    connection.execute(
        f"CREATE TEMP TABLE typed AS SELECT *, {_month(source)} AS {MONTH} FROM "
        f"(SELECT {', '.join(expressions)} FROM raw {' '.join(joins)}) ORDER BY {ordered}"
    )
    return tuple(inexact)


def _month(source: Source) -> str:
    if source.event_time is None:
        return "NULL"
    column = quoted(source.event_time)
    # Naive on purpose: formatting an instant in a zone, even UTC, is many times slower.
    plain = column if source.columns[source.event_time] == "date" else f"make_timestamp(epoch_us({column}))"
    return f"coalesce(strftime({plain}, '%Y-%m'), {literal(NO_MONTH)})"


def _has_finer(value: str, found: str, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a naive time is finer than microseconds."""
    if found != "TIMESTAMP_NS":
        return False
    query = f"SELECT coalesce(bool_or(epoch_ns({value}) % 1000 <> 0), false) FROM raw"
    return bool(connection.execute(query).fetchall()[0][0])


def _micros(value: str, found: str, *, up: bool) -> str:
    if found != "TIMESTAMP_NS":
        return f"epoch_us(CAST({value} AS TIMESTAMP))"
    nanos = f"epoch_ns({value})"
    rest = f"((({nanos} % 1000) + 1000) % 1000)"
    down = f"(({nanos} - {rest}) // 1000)"
    return f"({down} + CASE WHEN {rest} > 0 THEN 1 ELSE 0 END)" if up else down


def _minute(micros: str) -> str:
    return f"date_trunc('minute', make_timestamp({micros}))"


def _store_shifts(number: int, micros: str, zone: str, connection: duckdb.DuckDBPyConnection, *, later: bool) -> bool:
    """Store what each minute's readings are shifted by to get UTC, and say whether one of them is ambiguous."""
    query = f"SELECT DISTINCT {_minute(micros)} FROM raw WHERE {micros} IS NOT NULL"
    minutes = [row[0] for row in connection.execute(query).fetchall()]
    connection.execute(f"CREATE TEMP TABLE shifts_{number} (minute TIMESTAMP, shift BIGINT)")
    shifts = utc_shifts(minutes, zone)
    if minutes:
        connection.execute(
            f"INSERT INTO shifts_{number} SELECT unnest(?::TIMESTAMP[]), unnest(?::BIGINT[])",
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
