"""A DuckDB connection that is bounded and alone, and columns in and out of it. Identifiers are quoted, values bound."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assembly_line.errors import RequestRefused, SourceUnreadable
from assembly_line.features.files.parquet import exactly, literal, parquet_rows
from assembly_line.features.values.columns import Column, decimal_scale, dtype_of

THREADS = 2
# Level 1 takes half the time of the default level 3, and names of decisions come out smaller.
PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
REGISTERED = "registered_columns"
SPILL = "spill"
SQL_TYPES = {
    "int64": "BIGINT",
    "float64": "DOUBLE",
    "boolean": "BOOLEAN",
    "string": "VARCHAR",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
}


def connect(
    folder: Path, *, memory_mib: int, also: Sequence[Path] = (), threads: int = THREADS
) -> duckdb.DuckDBPyConnection:
    """A connection that reads and writes under `folder` only, spills there, and loads no extension.

    Args:
        memory_mib: what DuckDB may hold before it spills.
        also: further folders or files that may be read.
    """
    connection = duckdb.connect(config={"threads": threads, "memory_limit": f"{memory_mib}MiB"})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET temp_directory = {literal(str(folder / SPILL))}")
    # DuckDB's default, and what `write_parquet` relies on.
    connection.execute("SET preserve_insertion_order = true")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    places = [path.resolve() for path in (folder, *also)]
    # Names to read are patterns, and are held against this list as they are written.
    allowed = ", ".join(literal(text) for path in places for text in dict.fromkeys((str(path), exactly(path))))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def spill_folder(connection: duckdb.DuckDBPyConnection) -> Path:
    """The folder below which a connection may write what is not to be kept."""
    return Path(connection.execute("SELECT current_setting('temp_directory')").fetchall()[0][0]).parent


def quoted(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def sql_type(kind: str) -> str:
    """A declared type in DuckDB's words."""
    return SQL_TYPES.get(kind, kind.upper())


def physical(expression: str, kind: str) -> str:
    """SQL that turns a value of a declared type into its physical one (see `columns`)."""
    if kind == "timestamp":
        return f"epoch_us({expression})"
    if kind == "date":
        return f"CAST({expression} - DATE '1970-01-01' AS BIGINT)"
    scale = decimal_scale(kind)
    return expression if scale is None else f"CAST(CAST({expression} AS DECIMAL(38,{scale})) * {10**scale} AS BIGINT)"


def fetch(result: duckdb.DuckDBPyConnection, kinds: Mapping[str, str]) -> dict[str, Column]:
    """Columns of a result whose expressions are physical, in its order.

    Args:
        kinds: name -> declared type, in the order of the result's columns.
    """
    arrays = result.fetchnumpy()
    if len(arrays) != len(kinds):
        raise ValueError(f"expected {len(kinds)} differently named columns, got {list(arrays)}")
    return {name: _column(kind, array) for (name, kind), array in zip(kinds.items(), arrays.values(), strict=True)}


def read_table(
    connection: duckdb.DuckDBPyConnection, source: str, files: Sequence[Path], kinds: Mapping[str, str]
) -> dict[str, Column]:
    """Every row of a source's files.

    Raises:
        SourceUnreadable: a file is not the Parquet that the lake wrote.
    """
    if not files:
        return {name: Column(kind, np.empty(0, dtype_of(kind)), np.empty(0, np.bool_)) for name, kind in kinds.items()}
    expressions = ", ".join(f"{physical(quoted(name), kind)} AS c{n}" for n, (name, kind) in enumerate(kinds.items()))
    try:
        return fetch(connection.execute(f"SELECT {expressions} FROM {parquet_rows(files)}"), kinds)
    except duckdb.Error as error:
        raise unreadable(source, error) from error


def unreadable(source: str, error: Exception) -> SourceUnreadable | RequestRefused:
    """What kept DuckDB from reading a source, in the line's words."""
    first_line = str(error).splitlines()[0]
    if os.strerror(errno.ENOSPC) in first_line:
        return RequestRefused(
            f"source {source}: the disk of this machine is full ({first_line}); what does not fit in its memory is "
            "written there once: raise the setting dataset_storage_mib, or ask for the engine spark or a shorter period"
        )
    return SourceUnreadable(f"source {source}: cannot be read from the lake ({first_line}); run `line sources load`")


def store_columns(connection: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, Column]) -> None:
    """Create a temporary table `table` of these columns, in logical types, with a first column `row` of positions."""
    with _registered(connection, columns) as expressions:
        names = ", ".join(["CAST(r AS BIGINT) AS row", *expressions])
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {quoted(table)} AS SELECT {names} FROM {REGISTERED}")


def write_parquet(
    connection: duckdb.DuckDBPyConnection,
    columns: Mapping[str, Column],
    path: Path,
    *,
    first: Mapping[str, str] | None = None,
    beside: Mapping[str, Column] | None = None,
) -> None:
    """Write columns of equal length as one Parquet file, rows in their order.

    Args:
        first: name -> SQL over the columns, for columns before them.
        beside: columns that `first` may use too, and that are not written.
    """
    with _registered(connection, {**columns, **(beside or {})}) as expressions:
        names = [quoted(name) for name in columns]
        computed = [f"{expression} AS {quoted(name)}" for name, expression in (first or {}).items()]
        # Rows keep their order without a sort: the connection preserves it, see `connect`.
        connection.execute(
            f"COPY (SELECT {', '.join([*computed, *names])} FROM (SELECT {', '.join(expressions)} FROM {REGISTERED})) "
            f"TO {literal(str(path))} ({PARQUET})"
        )


def write_csv(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Column], path: Path) -> None:
    """Write columns of equal length as CSV without a header, rows in their order; null is an empty field.

    Floats are written so that reading them gives the same number.
    """
    with _registered(connection, columns) as expressions:
        rows = f"SELECT {', '.join(expressions)} FROM {REGISTERED}"
        connection.execute(f"COPY ({rows}) TO {literal(str(path))} (FORMAT csv, HEADER false)")


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, columns: Mapping[str, Column]) -> Iterator[list[str]]:
    """Make columns visible to SQL for a while; gives an expression for each. `r` is a row's position."""
    arrays: dict[str, NDArray[Any]] = {"r": np.arange(len(next(iter(columns.values()))))}
    expressions = []
    for number, (name, column) in enumerate(columns.items()):
        values = column.values
        if column.kind == "string" and not column.valid.all():
            values = values.copy()
            values[~column.valid] = None
        arrays[f"c{number}"] = values
        expression = _logical(number, column)
        if column.kind != "string" and not column.valid.all():
            arrays[f"v{number}"] = column.valid
            expression = f"CASE WHEN v{number} THEN {expression} END"
        expressions.append(f"CAST({expression} AS {sql_type(column.kind)}) AS {quoted(name)}")
    connection.register(REGISTERED, arrays)
    try:
        yield expressions
    finally:
        connection.unregister(REGISTERED)


def _logical(number: int, column: Column) -> str:
    value, scale = f"c{number}", decimal_scale(column.kind)
    if column.kind == "float64" and np.isnan(column.values).any():
        # DuckDB takes a NaN of numpy for null.
        return f"coalesce({value}, 'nan'::DOUBLE)"
    if column.kind == "timestamp":
        # A cast from a timestamp without a zone asks the calendar for each value, at thirty times the cost.
        return f"make_timestamptz({value})"
    if column.kind == "date":
        return f"DATE '1970-01-01' + CAST({value} AS INTEGER)"
    if scale is not None:
        unit = f"{'0.' + '1'.zfill(scale) if scale else '1'}"
        return f"CAST({value} AS DECIMAL(19,0)) * CAST({unit} AS DECIMAL({scale + 1},{scale}))"
    return value


def _column(kind: str, array: NDArray[Any]) -> Column:
    if isinstance(array, np.ma.MaskedArray):
        valid = ~np.ma.getmaskarray(array)
        values = array.data
    else:
        valid = np.ones(len(array), np.bool_)
        values = array
    values = values.astype(dtype_of(kind), copy=False)
    if kind == "float64":
        values += 0.0  # -0.0 equals 0.0; the array is ours
    return Column(kind, values, valid)
