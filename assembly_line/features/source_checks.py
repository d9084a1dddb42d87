"""Whether a raw file is what its source declares: each column there, of a kind and values that fit without loss."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

import duckdb

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.duckdb_session import quoted, sql_type

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
FLOATS = ("FLOAT", "DOUBLE")
NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
ZONED = ("TIMESTAMP WITH TIME ZONE",)


def check_columns(place: str, source: Source, kinds: Mapping[str, str]) -> None:
    for column, kind in source.columns.items():
        if column not in kinds:
            renamed = _perhaps_renamed(column, kind, source, kinds)
            raise SourceUnreadable(
                f"{place}: has no column {column!r}, which is declared; it has {', '.join(kinds)}"
                + (f"; was it renamed to {renamed!r}? Then declare it so" if renamed else "")
            )
        if not _fits(kinds[column], kind):
            raise SourceUnreadable(
                f"{place}: column {column} is {kinds[column]}, which is not read as the declared {kind}; "
                "correct the file or the declaration"
            )


def _perhaps_renamed(column: str, kind: str, source: Source, kinds: Mapping[str, str]) -> str | None:
    """An undeclared column of a fitting type that may be the one that is missing: alike by name, or the only one."""
    fitting = [name for name, found in kinds.items() if name not in source.columns and _fits(found, kind)]
    alike = get_close_matches(column, fitting, n=1)
    return alike[0] if alike else (fitting[0] if len(fitting) == 1 else None)


def _fits(found: str, declared: str) -> bool:
    number = found in INTEGERS or found.startswith("DECIMAL")
    if declared == "int64":
        return number or found in FLOATS
    if declared == "float64":
        return number or found in FLOATS
    if declared == "timestamp":
        return found in NAIVE + ZONED
    if declared == "date":
        return found == "DATE" or found in NAIVE
    if declared == "string":
        return found == "VARCHAR" or found.startswith("ENUM")
    return number if declared.startswith("decimal") else found == "BOOLEAN"


def check_values(place: str, source: Source, kinds: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute("SELECT count(*) FROM raw").fetchall()[0][0]
    if not rows:
        raise SourceUnreadable(f"{place}: has columns but no rows; expected at least one")
    lossy = {column: _loses(column, kinds[column], kind) for column, kind in source.columns.items()}
    checked = {column: condition for column, condition in lossy.items() if condition}
    if not checked:
        return
    counts = ", ".join(f"count(*) FILTER ({condition})" for condition in checked.values())
    examples = ", ".join(
        f"CAST(any_value({quoted(column)}) FILTER ({condition}) AS VARCHAR)" for column, condition in checked.items()
    )
    found = connection.execute(f"SELECT {counts}, {examples} FROM raw").fetchall()[0]
    for number, column in enumerate(checked):
        if found[number]:
            example = "" if column in source.personal else f", such as {found[len(checked) + number]}"
            raise SourceUnreadable(
                f"{place}: column {column}: {found[number]} values{example} do not fit the declared "
                f"{source.columns[column]}; correct the file or the declaration"
            )


def _loses(column: str, found: str, declared: str) -> str | None:
    """SQL that is true for values which the declared type cannot hold exactly; None where it holds all."""
    name = quoted(column)
    if found in NAIVE:
        return f"{name} <> date_trunc('day', {name})" if declared == "date" else None
    if declared == "float64" and found in INTEGERS:
        return f"abs(CAST({name} AS HUGEINT)) > {2**53}"
    if declared in ("int64",) or declared.startswith("decimal"):
        cast = f"TRY_CAST({name} AS {sql_type(declared)})"
        return f"{name} IS NOT NULL AND ({cast} IS NULL OR {cast} <> {name})"
    return None
