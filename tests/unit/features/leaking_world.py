"""A world in which features can know the future, and features that do, beside honest ones of the same kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assembly_line import Source, days, expression, hours, latest, static, udf
from assembly_line.declarations.lines import Line
from tests.unit.features.random_worlds import SPRING
from tests.unit.features.small_world import EVENTS, PEOPLE, USER, a_line
from tests.unit.features.udf_world import SCRIPT

VISITORS = 120


def world() -> dict[str, list[dict[str, Any]]]:
    """Visits on several days; events before and after each; every third visitor comes."""
    nothing = dict.fromkeys(("x", "s", "b", "d", "day", "ts"))
    events: list[dict[str, Any]] = [
        {**nothing, "user": f"u{n}", "at": SPRING + hours(7 * n % 400), "n": n % 5 + 1, "x": n / 7} for n in range(900)
    ]
    events = [{**row, "user": f"u{place % VISITORS}"} for place, row in enumerate(events)]
    return {
        "events": events,
        "late": [{**row, "known": row["at"] + days(3)} for row in events],
        "daily": [
            {"user": f"u{n}", "visit": n, "on": SPRING.date() + timedelta_of(n, later), "n": 1}
            for n in range(VISITORS)
            for later in ([-2, 1] if n % 3 == 0 else [-2])
        ]
        + [{"user": "nobody", "visit": 0, "on": (SPRING + days(60)).date(), "n": 1}],
        "visits": [
            {"visit": n, "opens": SPRING + days(3 + n % 9), "first_day": None, "closes": None, "kind": "xy"[n % 2]}
            for n in range(VISITORS)
        ],
        "invited": [{"user": f"u{n}", "visit": n} for n in range(VISITORS)],
        "people": [
            {"user": f"u{n}", "age": n * 37 % 100, "weight": None, "town": None, "born": None, "ever": 2 - (n % 3 > 0)}
            for n in range(VISITORS)
        ],
    }


def timedelta_of(n: int, later: int) -> Any:
    return days(3 + n % 9 + later)


def a_view(select: str, name: str = "ahead") -> Source:
    columns = {"user": "string", "at": "timestamp", "n": "int64"}
    return Source(name=name, entities=(USER,), columns=columns, event_time="at", delay=days(0), zone="UTC", sql=select,
                  inputs=(EVENTS,))  # fmt: skip


PEEKING = (
    'SELECT "user", "at", lead(n) OVER (PARTITION BY "user" ORDER BY "at" NULLS LAST, n NULLS LAST) AS n FROM events'
)
HONEST = (
    'SELECT "user", "at", lag(n) OVER (PARTITION BY "user" ORDER BY "at" NULLS LAST, n NULLS LAST) AS n FROM events'
)


LEAKING = (
    SCRIPT
    + b"""
TOLD = []
KEPT = {kept!r}


def remembered(events: pa.Table) -> pa.Array:
    # The latest event of any decision that was ever asked for.
    TOLD.append(pc.max(events["event_time"]).cast(pa.int64()).as_py())
    return pa.array([max(TOLD)] * (events["decision"][-1].as_py() + 1), pa.int64())


def looked_up(events: pa.Table) -> pa.Array:
    with open(KEPT) as file:
        return pa.array([int(file.read())] * (events["decision"][-1].as_py() + 1), pa.int64())
"""
)
LEAKS = {"next_n", "remembered", "looked_up", "next_and_more"}


def scripts_with_leaks(folder: Path) -> Mapping[str, bytes]:
    """UDFs, of which one reads a file of the folder."""
    kept = folder / "kept"
    kept.write_text("7")
    return {"features.py": LEAKING.replace(b"{kept!r}", repr(str(kept)).encode())}


def with_leaks() -> Line:
    """Views, UDFs and an expression that know the future, and such that do not: `LEAKS` names the former.

    `ever` counts the visits of all time, without a time."""
    line = a_line(horizon=days(3), window=days(5))
    next_n = latest(a_view(PEEKING), "n")
    features = {
        "next_n": next_n,
        "previous_n": latest(a_view(HONEST, "behind"), "n"),
        "remembered": udf(EVENTS, "remembered", columns=(), returns="int64", window=days(30)),
        "looked_up": udf(EVENTS, "looked_up", columns=(), returns="int64", window=days(30)),
        "faded": udf(EVENTS, "faded", columns=(), returns="float64", window=days(30)),
        "next_and_more": expression("next_n + 1"),
        "ever": static(replace(PEOPLE, columns={**PEOPLE.columns, "ever": "int64"}), "ever"),
        **{name: line.features[name] for name in ("events_count", "kind")},
    }
    return replace(line, features=features)
