"""Reading a dataset's Parquet file back as plain columns, without pandas or pyarrow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from assembly_line.errors import NotFound
from assembly_line.features.files.parquet import parquet_rows


def read_columns(path: Path, columns: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """Columns of a Parquet file, in the order of its rows.

    Args:
        path: a local Parquet file, such as a downloaded `data.parquet`.
        columns: names, in the order wanted; all columns of the file if None.

    Returns:
        Column -> values. Null is None, NaN is NaN; integers are int, decimals Decimal, dates date; timestamps are
        microseconds since 1970-01-01T00:00:00Z (see `instants.from_micros`).

    Raises:
        NotFound: the file lacks a column; the message names those there are.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        kinds = columns_described(connection, path, columns)
        wanted = list(kinds) if columns is None else list(columns)
        if not wanted:
            return {}
        expressions = ", ".join(_expression(name, kinds[name]) for name in wanted)
        # One thread and DuckDB's preserved insertion order: rows come as they stand in the file.
        rows = connection.execute(f"SELECT {expressions} FROM {parquet_rows([path])}").fetchall()
    return {name: [row[place] for row in rows] for place, name in enumerate(wanted)}


def columns_described(
    connection: duckdb.DuckDBPyConnection, path: Path, columns: Sequence[str] | None = None
) -> dict[str, str]:
    """Every column of a Parquet file with its type in DuckDB's words.

    Args:
        columns: names that must be among them.

    Raises:
        NotFound: the file lacks one of these; the message names those there are.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_rows([path])}").fetchall()
    kinds = {str(row[0]): str(row[1]) for row in described}
    for name in columns or ():
        if name not in kinds:
            raise NotFound(f"{path.name}: has no column {name!r}; it has {', '.join(kinds)}")
    return kinds


def _expression(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"epoch_us({quoted})" if kind.startswith("TIMESTAMP") else quoted
