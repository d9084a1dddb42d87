"""Windowed features by DuckDB's RANGE windows over events and decisions together."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import WIDTHS, connect, listed, run, spine


def aggregates(width: int) -> str:
    return (
        f"sum(cents) OVER w{width} AS sum_{width}d, count(cents) OVER w{width} AS count_{width}d, "
        f"avg(cents) OVER w{width} AS mean_{width}d, max(cents) OVER w{width} AS max_{width}d, "
        f"count(DISTINCT product_id) OVER w{width} AS distinct_{width}d"
    )


def window(width: int) -> str:
    return (
        f"w{width} AS (PARTITION BY household_id ORDER BY opens "
        f"RANGE BETWEEN INTERVAL {width} DAY PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING)"
    )


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    query = (
        f"SELECT household_id, opens, {', '.join(map(aggregates, WIDTHS))}, asked FROM ("
        f"SELECT household_id, happened_at AS opens, cents, product_id, false AS asked "
        f"FROM {listed(task.sources['events'])} "
        f"UNION ALL SELECT household_id, opens, NULL, NULL, true FROM {spine(task)}) "
        f"WINDOW {', '.join(map(window, WIDTHS))}"
    )
    return lambda: run(f"SELECT * EXCLUDE (asked) FROM ({query}) WHERE asked", task, connection)


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
