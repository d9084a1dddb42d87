"""Windowed features as most write them: every decision joined with the events of its longest window, then grouped."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import WIDTHS, connect, listed, run, spine


def aggregates(width: int) -> str:
    inside = f"FILTER (e.happened_at >= s.opens - INTERVAL {width} DAY)"
    return (
        f"sum(cents) {inside} AS sum_{width}d, count(cents) {inside} AS count_{width}d, "
        f"avg(cents) {inside} AS mean_{width}d, max(cents) {inside} AS max_{width}d, "
        f"count(DISTINCT product_id) {inside} AS distinct_{width}d"
    )


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    query = (
        f"SELECT s.household_id, s.opens, {', '.join(map(aggregates, WIDTHS))} FROM {spine(task)} s "
        f"LEFT JOIN {listed(task.sources['events'])} e ON e.household_id = s.household_id AND e.happened_at < s.opens "
        f"AND e.happened_at >= s.opens - INTERVAL {max(WIDTHS)} DAY GROUP BY s.household_id, s.opens"
    )
    return lambda: run(query, task, connection)


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
