"""The latest value by DuckDB's ASOF join."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import connect, listed, run, spine


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    query = (
        f"SELECT s.household_id, s.opens, e.cents AS latest_cents FROM {spine(task)} s "
        f"ASOF LEFT JOIN {listed(task.events)} e ON e.household_id = s.household_id AND e.happened_at < s.opens"
    )
    return lambda: run(query, task, connection)


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
