"""The practical limit: DuckDB reads every column that is needed and writes the very output, and computes nothing."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import connect, copy, listed


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    connection.execute(f"CREATE TABLE answers AS FROM '{task.answers}'")

    def work() -> None:
        for source, files in task.sources.items():
            # Sums, not extremes: those DuckDB would take from the files' statistics.
            sums = ", ".join(f"sum({name})" for name in task.columns[source])
            query = f"SELECT sum(household_id), sum(epoch_us(happened_at)), {sums} FROM {listed(files)}"
            connection.execute(query).fetchall()
        connection.execute(f"SELECT sum(household_id), sum(day_id) FROM {listed(task.tables['spine'])}").fetchall()
        connection.execute(f"SELECT sum(day_id), sum(epoch_us(opens)) FROM {listed(task.tables['days'])}").fetchall()
        copy(connection, "FROM answers", task)

    return work


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
