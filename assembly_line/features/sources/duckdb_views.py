"""Views on one machine: the SELECT of a view over the files of its inputs, its rows typed as declared, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from assembly_line.declarations.sources import Source
from assembly_line.features.files.parquet import parquet_rows
from assembly_line.features.files.session import quoted, sql_type
from assembly_line.features.sources.view_types import check_types, failed

WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
# Declared type -> types of a SELECT's column that hold such values; decimals by their own rule.
TAKEN = {
    "int64": WHOLE,
    "float64": (*WHOLE, "FLOAT", "DOUBLE"),
    "string": ("VARCHAR",),
    "boolean": ("BOOLEAN",),
    "date": ("DATE",),
    # The session's zone is UTC, so that an instant without a zone is one of UTC.
    "timestamp": ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
}


def create_view(connection: duckdb.DuckDBPyConnection, view: Source, files: Mapping[str, Sequence[Path]]) -> str:
    """The view's rows as a temporary table; returns its name, quoted.

    Args:
        files: input -> its local Parquet files.

    Raises:
        SourceUnreadable: the SELECT fails on these rows, or does not give what the view declares.
    """
    # A blank cannot stand in a declared name: no table that the SELECT names is hidden by this one.
    table = quoted(f"view {view.name}")
    inputs = ", ".join(f"{quoted(source.name)} AS ({_rows(source, files[source.name])})" for source in view.inputs)
    selected = f"(WITH {inputs} SELECT * FROM (\n{view.sql}\n) AS selected)"
    try:
        found = connection.execute(f"DESCRIBE SELECT * FROM {selected}").fetchall()
        check_types(view, {str(row[0]): str(row[1]) for row in found}, TAKEN)
        columns = ", ".join(
            f"CAST({quoted(name)} AS {sql_type(kind)}) AS {quoted(name)}" for name, kind in view.columns.items()
        )
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS SELECT {columns} FROM {selected}")
    except duckdb.Error as error:
        raise failed(view, error) from error
    return table


def _rows(source: Source, files: Sequence[Path]) -> str:
    if files:
        columns = ", ".join(quoted(name) for name in source.columns)
        return f"SELECT {columns} FROM {parquet_rows(files)}"
    nulls = ", ".join(f"CAST(NULL AS {sql_type(kind)}) AS {quoted(name)}" for name, kind in source.columns.items())
    return f"SELECT {nulls} WHERE false"
