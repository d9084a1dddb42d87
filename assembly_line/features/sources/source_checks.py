"""Whether a raw file is what its source declares: each column there, of a kind and values that fit without loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import duckdb

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.raw_columns import DECIMAL_DIGITS, INT96, NAIVE, NOTHING, TIMES, RawColumn
from assembly_line.features.files.raw_times import has_time_of_day
from assembly_line.features.files.session import sql_type

INTEGERS = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
)
# From these numbers on, neighbouring whole numbers become one.
FLOATS = {"FLOAT": 2**24, "DOUBLE": 2**53}
TEXTS = ("VARCHAR", "UUID", "JSON")
# A decimal of so many digits keeps them as float64.
FLOAT_DIGITS = 15
SHOWN_ROWS = 3
# Types as which DuckDB reads times in milliseconds.
MILLISECONDS_TOO = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def check_columns(place: str, source: Source, columns: Sequence[RawColumn]) -> dict[str, RawColumn]:
    """Declared column -> where it stands in the file."""
    chosen = {}
    for name, kind in source.columns.items():
        found = [column for column in columns if column.name == name]
        if not found:
            renamed = _perhaps_renamed(name, source, columns)
            raise SourceUnreadable(
                f"{place}: has no column {name!r}, which is declared; it has "
                f"{', '.join(column.name for column in columns)}"
                + (f"; was it renamed to {renamed!r}? Then declare it so" if renamed else "")
            )
        if len(found) > 1:
            raise SourceUnreadable(
                f"{place}: has {len(found)} columns {name!r}; expected one: name the others differently"
            )
        if not _fits(found[0].kind, kind, source):
            hint = " (an instant in UTC, not a day)" if found[0].kind == INT96 and kind == "date" else ""
            raise SourceUnreadable(
                f"{place}: column {name} is {found[0].kind}, which is not read as the declared {kind}{hint}; "
                "correct the file or the declaration"
            )
        chosen[name] = found[0]
    return chosen


def _perhaps_renamed(name: str, source: Source, columns: Sequence[RawColumn]) -> str | None:
    """An undeclared column of a fitting type that may be the one that is missing: alike by name, or the only one."""
    declared = source.columns
    fitting = [one.name for one in columns if one.name not in declared and _fits(one.kind, declared[name], source)]
    alike = get_close_matches(name, fitting, n=1)
    return alike[0] if alike else (fitting[0] if len(fitting) == 1 else None)


def _fits(found: str, declared: str, source: Source) -> bool:
    if found == NOTHING:
        return True
    number = found in INTEGERS or 0 < decimal_digits(found) <= DECIMAL_DIGITS
    if declared in ("int64", "float64"):
        return number or found in FLOATS
    if declared == "timestamp":
        return found in TIMES
    if declared == "date":
        # A midnight in UTC is the beginning of that day in no other zone.
        return found in ("DATE", *NAIVE) or (found == INT96 and source.zone == "UTC")
    if declared == "string":
        return found in TEXTS or found.startswith("ENUM")
    return number if declared.startswith("decimal") else found == "BOOLEAN"


def decimal_digits(kind: str) -> int:
    """How many digits values of DuckDB's `DECIMAL(p,s)` have; 0 for other types."""
    return int(kind.removeprefix("DECIMAL(").partition(",")[0]) if kind.startswith("DECIMAL(") else 0


def check_times(
    place: str, source: Source, columns: Mapping[str, RawColumn], connection: duckdb.DuckDBPyConnection
) -> None:
    """Whether each time can be read: milliseconds in 64 bits reach further than DuckDB's microseconds."""
    for name in source.columns:
        if columns[name].kind in MILLISECONDS_TOO:
            try:
                connection.execute(f"SELECT count({columns[name].sql}) FROM raw")
            except duckdb.ConversionException as error:
                raise SourceUnreadable(
                    f"{place}: column {name}: a time in milliseconds lies beyond the year 294246; "
                    "write 9999-12-31 for an end that is never reached, or null"
                ) from error


def check_values(
    place: str, source: Source, columns: Mapping[str, RawColumn], connection: duckdb.DuckDBPyConnection
) -> None:
    """Whether each value fits, and each row can carry its keys."""
    rows = connection.execute("SELECT count(*) FROM raw").fetchall()[0][0]
    if not rows:
        raise SourceUnreadable(f"{place}: has columns but no rows; expected at least one")
    _check_keys(place, source, columns, connection)
    lossy = {name: _loses(columns[name], kind) for name, kind in source.columns.items()}
    checked = {name: condition for name, condition in lossy.items() if condition}
    if not checked:
        return
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in checked.values())
    examples = ", ".join(
        f"CAST(any_value({columns[name].sql}) FILTER ({condition}) AS VARCHAR)" for name, condition in checked.items()
    )
    found = connection.execute(f"SELECT {counts}, {examples} FROM raw").fetchall()[0]
    for number, name in enumerate(checked):
        if found[number]:
            example = "" if name in source.personal else f", such as {found[len(checked) + number]}"
            raise SourceUnreadable(
                f"{place}: column {name}: {found[number]} values{example} do not fit the declared "
                f"{source.columns[name]}; correct the file or the declaration"
            )


def _check_keys(
    place: str, source: Source, columns: Mapping[str, RawColumn], connection: duckdb.DuckDBPyConnection
) -> None:
    keys = dict.fromkeys(key for entity in source.entities for key, kind in entity.keys.items() if kind == "string")
    for key in keys:
        value = columns[key].sql
        empty = f"SELECT row_number() OVER () AS row, {value} AS key FROM raw"
        query = f"SELECT count(*), list(row ORDER BY row)[:{SHOWN_ROWS}] FROM ({empty}) WHERE CAST(key AS VARCHAR) = ''"
        number, first = connection.execute(query).fetchall()[0]
        if number:
            raise SourceUnreadable(
                f"{place}: key column {key}: {number} rows hold an empty text (row {', '.join(map(str, first))}); "
                "a key names something: write null where it is not known, and load it again"
            )


def _loses(column: RawColumn, declared: str) -> str | None:
    """SQL that is true for values which the declared type cannot hold exactly; None where it holds all."""
    value, found = column.sql, column.kind
    if found == NOTHING:
        return None
    if declared == "date" and found in TIMES:
        return has_time_of_day(column)
    if declared == "float64":
        if found in INTEGERS:
            return f"abs(CAST({value} AS HUGEINT)) > {2**53}"
        if decimal_digits(found) > FLOAT_DIGITS:
            return f"TRY_CAST(CAST({float_of(column)} AS VARCHAR) AS {found}) IS DISTINCT FROM {value}"
        return None
    if declared == "int64" or declared.startswith("decimal"):
        back = f"TRY_CAST(TRY_CAST({value} AS {sql_type(declared)}) AS {found}) IS DISTINCT FROM {value}"
        return f"{back} OR abs({value}) >= {FLOATS[found]}" if found in FLOATS else back
    return None


def float_of(column: RawColumn) -> str:
    """SQL for numbers as float64: of a decimal of many digits the nearest one, which a cast of it may miss."""
    if decimal_digits(column.kind) > FLOAT_DIGITS:
        return f"CAST(CAST({column.sql} AS VARCHAR) AS DOUBLE)"
    return f"CAST({column.sql} AS DOUBLE)"
