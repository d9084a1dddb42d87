"""Random small worlds, dense with ties, nulls, late knowledge, foreign entities and the nights when clocks change."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.unit.features.small_world import Tables

# The nights after these days New York's clocks are set forward, and back.
SPRING, AUTUMN = datetime(2017, 3, 11, tzinfo=UTC), datetime(2017, 11, 4, tzinfo=UTC)
# Equal to the eye, or in another case, or with a blank: all of them different keys. "eve" has no events.
USERS = ["ada", "Ada", "ada ", " ", "\u00e1da", "a\u0301da", "bob", None]
TEXTS = ["", "a", "B", "b", "\u00e9", "e\u0301", "\U0001f600", "\uffff", None]
FLOATS = [0.0, -0.0, 1.5, -1.5, 0.1, 0.2, 0.3, 1e16, -1e16, 1e300, None]
ODD_FLOATS = [*FLOATS, 1.7e308, math.inf, -math.inf, math.nan]
HOURS = 48
# How many hours after an event it is known, by name; None never. A tail has a few of any length.
DELAYS: dict[str, list[float | None]] = {
    "mixed": [0, 0, 0, 1, 5, 30],
    "none": [0],
    "constant": [5],
    "tail": [1, 1, 2, 2, 3, 4, 90, 2000, 10**6],
    "negative": [-1, -5, -30, -1000],
    "mostly never": [0, 3, None, None],
    "within a microsecond": [0, 1 / 3.6e9, -1 / 3.6e9],
}
# Days from which a unit of the calendar reaches across a change of clocks (New York, Lord Howe) or the end of a month.
EDGES = [datetime(2016, month, day, tzinfo=UTC) for month, day in ((1, 30), (2, 28), (3, 12), (4, 2), (10, 1), (11, 5))]
EDGES += [datetime(2015, 2, 27, tzinfo=UTC), datetime(2015, 12, 30, tzinfo=UTC)]
UNITS_LATER = (0, 0, 1, 1, 2, 7, 8, 28, 29, 30, 31, 365, 366)
# Around 2 o'clock at night in New York, and in Lord Howe, whose clocks are set by half an hour.
MINUTES = [60 * 5, 60 * 6, 60 * 6 + 30, 60 * 7, 60 * 14 + 30, 60 * 15, 60 * 15 + 15, 60 * 15 + 30, 60 * 16]


def random_world(
    seed: int, *, events: int = 120, decisions: int = 40, wide: bool = False, delays: str = "mixed"
) -> Tables:
    """A world of so many events a source; the same seed gives the same world.

    A `wide` one spreads over a year, at the edges of units of the calendar; the others hold two days. Events become
    known after `delays`.
    """
    chance = random.Random(seed)  # noqa: S311
    base = chance.choice(EDGES if wide else [SPRING, AUTUMN])
    floats = chance.choice([FLOATS, ODD_FLOATS])

    def moment() -> datetime | None:
        if chance.random() < 0.05:
            return None
        hours, microseconds = chance.randint(0, HOURS), chance.choice([-1, 0, 0, 0, 1])
        if wide:
            days, minutes = chance.choice(UNITS_LATER), chance.choice(MINUTES)
            return base + timedelta(days=days, minutes=minutes, microseconds=microseconds)
        return base + timedelta(hours=hours, microseconds=microseconds)

    def day() -> Any:
        if chance.random() < 0.1:
            return None
        return base.date() + timedelta(days=chance.choice(UNITS_LATER) if wide else chance.randint(-1, 3))

    def event() -> dict[str, Any]:
        at = moment()
        delay = chance.choice(DELAYS[delays])
        known = None
        if at is not None and not (delays == "mixed" and chance.random() < 0.05) and delay is not None:
            known = at + timedelta(hours=delay - (delays == "mixed" and chance.random() < 0.1))
        return {
            "user": chance.choice(USERS),
            "at": at,
            "known": known,
            "n": chance.choice([-3, -1, 0, 1, 2, None]),
            "x": chance.choice(floats),
            "s": chance.choice(TEXTS),
            "b": chance.choice([True, False, None]),
            "d": chance.choice([Decimal("0.10"), Decimal("-12345.67"), Decimal("9999999.99"), None]),
            "day": day(),
            "ts": moment(),
        }

    def daily() -> dict[str, Any]:
        return {"user": chance.choice(USERS), "visit": chance.choice([1, 2, 3, None]), "on": day(), "n": 1}

    def contract() -> dict[str, Any]:
        begins = moment()
        announced = None if begins is None else begins + timedelta(hours=chance.choice([-30, -1, 0, 0, 2, 30]))
        ends = chance.choice([None, None, moment()])
        plan = chance.choice(TEXTS)
        return {
            "user": chance.choice(USERS),
            "begins": begins,
            "announced": announced if chance.random() < 0.9 else None,
            "ends": ends,
            "plan": plan,
            "n": chance.choice([1, 2, None]),
        }

    def price() -> dict[str, Any]:
        to_day = chance.choice([None, day(), day()])
        cost = chance.choice([Decimal("0.10"), Decimal("9.99"), None])
        return {"visit": chance.randint(1, 8), "from_day": day(), "to_day": to_day, "price": cost}

    def visit(number: int) -> dict[str, Any]:
        return {"visit": number, "opens": moment(), "first_day": day(), "closes": day(), "kind": chance.choice(TEXTS)}

    def person(user: str) -> dict[str, Any]:
        age = chance.choice([None, 0, 99])
        return {"user": user, "age": age, "weight": chance.choice(floats), "town": chance.choice(TEXTS), "born": day()}

    people = [user for user in USERS if user is not None and chance.random() < 0.7]
    invited = [*USERS, "eve"]
    return {
        "events": [event() for _ in range(events)],
        "late": [event() for _ in range(events)],
        "daily": [daily() for _ in range(events // 4)],
        "visits": [visit(number) for number in range(1, 9)],
        "invited": [{"user": chance.choice(invited), "visit": chance.randint(1, 9)} for _ in range(decisions)],
        "people": [person(user) for user in people],
        "contracts": [contract() for _ in range(events // 4)],
        "prices": [price() for _ in range(events // 8)],
    }
