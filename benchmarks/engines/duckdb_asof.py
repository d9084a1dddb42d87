"""Latest values by DuckDB's ASOF join."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import connect, listed, run, spine


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    joins = " ".join(
        f"ASOF LEFT JOIN {listed(files)} {source} "
        f"ON {source}.household_id = s.household_id AND {source}.happened_at < s.opens"
        for source, files in task.sources.items()
    )
    columns = ", ".join(f"{source}.{name} AS latest_{name}" for source, names in task.columns.items() for name in names)
    query = f"SELECT s.household_id, s.opens, {columns} FROM {spine(task)} s {joins}"
    return lambda: run(query, task, connection)


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
