"""The small world with views over its sources, and what these must hold by plain Python."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

from assembly_line import Source, count, expression, latest, maximum, static, total, udf
from assembly_line.declarations.lines import Line
from tests.unit.features import reference
from tests.unit.features.small_world import (
    DAILY,
    EVENTS,
    LATE,
    NEW_YORK,
    PEOPLE,
    USER,
    VALUES,
    Row,
    Tables,
    a_line,
    features_over,
)

# Events of both sources with what is known of the person: every type of column passes through, some are computed.
WHOLE = Source(
    name="whole",
    entities=(USER,),
    columns={"user": "string", "at": "timestamp", "known": "timestamp", **VALUES},
    event_time="at",
    known_time="known",
    zone="UTC",
    inputs=(EVENTS, LATE, PEOPLE),
    sql="""
        WITH events_of_both AS (
            SELECT "user", "at", "at" AS known, n, x, s, b, d, "day", ts FROM events WHERE n IS NULL OR n <> 0
            UNION ALL
            SELECT "user", "at", known, n, x, s, b, d, "day", ts FROM late
        )
        SELECT e."user", e."at", e.known, n + 1 AS n, CASE WHEN b THEN coalesce(p.weight, 0) ELSE x END AS x,
            s || '!' AS s, NOT b AS b, CAST(-d AS DECIMAL(9,2)) AS d, coalesce("day", p.born) AS "day", ts
        FROM events_of_both AS e LEFT JOIN people AS p ON p."user" = e."user"
    """,
)
# One row a day and person; the day ends where the visits are.
PER_DAY = Source(
    name="per_day",
    entities=(USER,),
    columns={"user": "string", "on": "date", "visits": "int64", "earlier": "int64"},
    event_time="on",
    delay=timedelta(hours=1),
    zone=NEW_YORK,
    inputs=(DAILY,),
    sql="""
        SELECT "user", "on", count(DISTINCT visit) AS visits, lag(count(*)) OVER (
            PARTITION BY "user" ORDER BY "on" NULLS FIRST
        ) AS earlier
        FROM daily GROUP BY "user", "on"
    """,
)
OLD = Source(
    name="old",
    entities=(USER,),
    columns={"user": "string", "age": "int64", "decade": "int64"},
    static=True,
    inputs=(PEOPLE,),
    sql="""SELECT "user", age, CAST(floor(age / 10) AS BIGINT) AS decade FROM people WHERE age >= 50""",
)


def with_views(window: timedelta = timedelta(days=1)) -> Line:
    line = a_line()
    return replace(
        line,
        features={
            "events_count": line.features["events_count"],
            **features_over(WHOLE, window),
            "day_count": count(PER_DAY, window=timedelta(days=3)),
            "day_visits": total(PER_DAY, "visits", window=timedelta(days=3)),
            "day_earlier": latest(PER_DAY, "earlier"),
            "day_most": maximum(PER_DAY, "earlier", window=timedelta(days=3)),
            "decade": static(OLD, "decade"),
            "share": expression("events_count / whole_count"),
        },
    )


def with_udf_over_a_view() -> Line:
    line = with_views()
    story = udf(WHOLE, "story", columns=("s", "n"), returns="string", window=timedelta(days=2))
    return replace(line, features={**line.features, "story": story})


def whole(tables: Tables) -> list[Row]:
    weights: dict[Any, Row] = {row["user"]: row for row in tables["people"]}
    events = [{**row, "known": row["at"]} for row in tables["events"] if row["n"] != 0]
    return [_computed(row, weights.get(row["user"])) for row in (*events, *tables["late"])]


def _computed(row: Row, person: Row | None) -> Row:
    weight = None if person is None else person["weight"]
    born = None if person is None else person["born"]
    return {
        **row,
        "n": None if row["n"] is None else row["n"] + 1,
        "x": (0.0 if weight is None else weight) if row["b"] else row["x"],
        "s": None if row["s"] is None else row["s"] + "!",
        "b": None if row["b"] is None else not row["b"],
        "d": None if row["d"] is None else -row["d"],
        "day": born if row["day"] is None else row["day"],
    }


def per_day(tables: Tables) -> list[Row]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in tables["daily"]:
        groups[row["user"], row["on"]].append(row)
    ordered = sorted(groups, key=lambda key: (reference.order(key[0]), reference.order(key[1])))
    found: list[Row] = []
    for user, on in ordered:
        rows = groups[user, on]
        before = [
            len(groups[key]) for key in ordered if key[0] == user and reference.order(key[1]) < reference.order(on)
        ]
        visits = len({row["visit"] for row in rows} - {None})
        found.append({"user": user, "on": on, "visits": visits, "earlier": before[-1] if before else None})
    return found


def old(tables: Tables) -> list[Row]:
    people = [row for row in tables["people"] if row["age"] is not None and row["age"] >= 50]
    return [{"user": row["user"], "age": row["age"], "decade": row["age"] // 10} for row in people]


reference.VIEWS.update(whole=whole, per_day=per_day, old=old)
