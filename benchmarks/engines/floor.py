"""The practical limit: DuckDB reads every column that is needed and writes the very output, and computes nothing."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import connect, copy, listed

NEEDED = {"latest": ("household_id", "cents"), "windowed": ("household_id", "cents", "product_id")}


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    connection.execute(f"CREATE TABLE answers AS FROM '{task.answers}'")
    # Sums, not extremes: those DuckDB would take from the files' statistics.
    sums = ", ".join(["sum(epoch_us(happened_at))", *(f"sum({name})" for name in NEEDED[task.case])])

    def work() -> None:
        connection.execute(f"SELECT {sums} FROM {listed(task.events)}").fetchall()
        connection.execute(f"SELECT sum(household_id), sum(day_id) FROM '{task.spine}'").fetchall()
        connection.execute(f"SELECT sum(day_id), sum(epoch_us(opens)) FROM '{task.days}'").fetchall()
        copy(connection, "FROM answers", task)

    return work


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
