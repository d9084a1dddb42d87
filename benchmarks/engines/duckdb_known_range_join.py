"""The features of flights as most write them: each decision joined with what was known by then, and grouped."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from benchmarks.child import Task, serve
from benchmarks.engines.sql import connect, copy, listed

# Key -> (feature, aggregate, hours).
GROUPS = {
    "origin_id": [
        ("flights_from_origin_3h", "count(e.departed_at)", 3),
        ("mean_minutes_origin_6h", "avg(minutes_late)", 6),
        ("tails_origin_24h", "count(DISTINCT tail_id)", 24),
    ],
    "carrier_id": [
        ("flights_carrier_6h", "count(e.departed_at)", 6),
        ("mean_minutes_carrier_12h", "avg(minutes_late)", 12),
        ("max_minutes_carrier_24h", "max(minutes_late)", 24),
    ],
    "destination_id": [
        ("flights_to_destination_12h", "count(e.departed_at)", 12),
        ("miles_destination_24h", "sum(miles)", 24),
        ("tails_destination_24h", "count(DISTINCT tail_id)", 24),
    ],
}


def asked(task: Task) -> str:
    """The decisions; of a sample every n-th flight, which spreads over the whole year and all places."""
    planned = listed(task.tables["planned"])
    return planned if task.one_of == 1 else f"(SELECT * FROM {planned} WHERE flight_id % {task.one_of} = 0)"


def grouped(task: Task, key: str) -> str:
    """(flight_id, features by one key)."""
    columns = ", ".join(
        f"{aggregate} FILTER (e.departed_at >= s.opens - INTERVAL {hours} HOUR) AS {name}"
        for name, aggregate, hours in GROUPS[key]
    )
    return (
        f"(SELECT s.flight_id, {columns} FROM {asked(task)} s "
        f"LEFT JOIN {listed(task.sources['flights'])} e ON e.{key} = s.{key} AND e.departed_at < s.opens "
        "AND e.departed_at >= s.opens - INTERVAL 24 HOUR AND e.known_at <= s.opens GROUP BY s.flight_id)"
    )


def prepare(task: Task) -> Callable[[], None]:
    connection = connect()
    joined = " ".join(f"JOIN {grouped(task, key)} USING (flight_id)" for key in GROUPS)
    query = f"FROM (SELECT flight_id, opens FROM {asked(task)}) {joined} ORDER BY opens, flight_id"
    return lambda: copy(connection, query, task)


if __name__ == "__main__":
    serve(prepare, {"duckdb": duckdb.__version__})
