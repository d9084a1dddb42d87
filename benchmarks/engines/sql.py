"""What the DuckDB engines share: a connection on two threads, the spine, the way to write."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from benchmarks.child import Task

WIDTHS = (7, 30, 90)


def connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def listed(files: Sequence[str]) -> str:
    """The rows of these files."""
    return f"read_parquet([{', '.join(repr(file) for file in files)}])"


def spine(task: Task) -> str:
    """(household_id, opens) of every decision."""
    decisions, days = listed(task.tables["spine"]), listed(task.tables["days"])
    return f"(SELECT household_id, opens FROM {decisions} JOIN {days} USING (day_id))"


def copy(connection: duckdb.DuckDBPyConnection, query: str, task: Task) -> None:
    """Write a query's rows as the line writes them."""
    connection.execute(f"COPY ({query}) TO '{task.output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)")


def run(query: str, task: Task, connection: duckdb.DuckDBPyConnection) -> None:
    """Write a query's rows in the order of the line's spine."""
    copy(connection, f"FROM ({query}) ORDER BY opens, household_id", task)
