"""The columns of a raw Parquet file, by the names and types that stand in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assembly_line.features.files.parquet import parquet_rows, parquet_schema
from assembly_line.features.files.session import quoted

INT96 = "INT96"
NAIVE = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
INSTANTS = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ_NS", INT96)
TIMES = (*NAIVE, *INSTANTS)
NANOSECONDS = ("TIMESTAMP_NS", "TIMESTAMPTZ_NS")
NOTHING = '"NULL"'
DECIMAL_DIGITS = 38


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of a file.

    Args:
        name: as it stands in the file; several may share one.
        kind: its type in DuckDB's words; in Parquet's where DuckDB has none: `INT96`, decimals beyond 38 digits.
        sql: names it among the rows of the file.
    """

    name: str
    kind: str
    sql: str


def raw_columns(connection: duckdb.DuckDBPyConnection, file: Path) -> list[RawColumn]:
    """The columns of a Parquet file, in its order."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_rows([file])}").fetchall()
    query = f"SELECT name, num_children, type, converted_type, precision, scale FROM {parquet_schema(file)}"
    stored = list(_top_level(connection.execute(query).fetchall()))
    found = []
    for (known_as, kind, *_), (name, _children, physical, converted, *digits) in zip(described, stored, strict=True):
        wide = converted == "DECIMAL" and int(str(digits[0])) > DECIMAL_DIGITS
        other = f"DECIMAL({digits[0]},{digits[1]})" if wide else INT96 if physical == INT96 else str(kind)
        found.append(RawColumn(str(name), other, quoted(str(known_as))))
    return found


def _top_level(stored: list[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """The columns themselves, of a list in which each group stands before its members."""
    below = 0
    for row in stored[1:]:
        if not below:
            yield row
        below += int(str(row[1] or 0)) - (1 if below else 0)
