"""Flights of a route by a carrier: features by several entities, two of which share a key column."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    column,
    count,
    days,
    distinct,
    expression,
    first,
    hours,
    last,
    latest,
    maximum,
    mean,
    minimum,
    ratio,
    share,
    since_last,
    slowly_changing,
    static,
    stddev,
    total,
    udf,
)
from tests.unit.features import reference
from tests.unit.features.small_world import Row, Tables

FLIGHT = Entity("flight", keys={"flight": "int64"})
ROUTE = Entity("route", keys={"origin": "string", "destination": "string"})
ORIGIN = Entity("origin", keys={"origin": "string"})
CARRIER = Entity("carrier", keys={"carrier": "int64"})
KEYS = {"origin": "string", "destination": "string", "carrier": "int64"}
FLIGHTS = Source(
    name="flights",
    entities=(FLIGHT, ROUTE, ORIGIN, CARRIER),
    columns={
        "flight": "int64",
        **KEYS,
        "filed": "timestamp",
        "departs": "timestamp",
        "arrived": "timestamp",
        "arrived_on": "date",
        "late": "float64",
        "minutes": "int64",
        "cost": "decimal(9,2)",
        "cancelled": "boolean",
    },
    static=True,
    zone="America/New_York",
)
# The same as events: of plans that are filed, and known a while later.
FILED = replace(FLIGHTS, static=False, event_time="filed", delay=timedelta(minutes=30))
LANDINGS = Source(
    name="landings",
    entities=(ORIGIN, ROUTE, CARRIER),
    columns={**KEYS, "landed": "timestamp", "reported": "timestamp", "late": "float64", "seats": "int64"},
    event_time="landed",
    known_time="reported",
    zone="UTC",
)
FARES = Source(
    name="fares",
    entities=(ROUTE, CARRIER),
    columns={**KEYS, "fare": "int64"},
    static=True,
)
SLOTS = Source(
    name="slots",
    entities=(ORIGIN, CARRIER),
    columns={"origin": "string", "carrier": "int64", "begins": "timestamp", "ends": "timestamp", "gate": "string"},
    event_time="begins",
    valid_until="ends",
    delay=hours(1),
    zone="UTC",
)
DIVERTED = Source(
    name="diverted",
    entities=(ORIGIN, CARRIER),
    columns={"origin": "string", "carrier": "int64", "landed": "timestamp", "reported": "timestamp", "n": "int64"},
    event_time="landed",
    known_time="reported",
    zone="UTC",
    inputs=(LANDINGS,),
    sql="SELECT origin, carrier, landed, reported, seats + 1 AS n FROM landings WHERE late > 0",
)
SCRIPT = b"""
import pyarrow as pa

def lateness(events: pa.Table) -> pa.Array:
    told = [[] for _ in range(events["decision"][-1].as_py() + 1)]
    for place, late in zip(events["decision"].to_pylist(), events["late"].to_pylist()):
        told[place].append(str(late))
    return pa.array(["|".join(texts) if texts else None for texts in told], pa.string())
"""
SCRIPTS = {"features.py": SCRIPT}
START = datetime(2024, 5, 1, tzinfo=UTC)
AT = START + timedelta(hours=10)
DAY = timedelta(days=1)
# Twenty minutes late.
A_FLIGHT = {
    "flight": 1,
    "origin": "AUS",
    "destination": "BER",
    "carrier": 1,
    "filed": AT - hours(3),
    "departs": AT,
    "arrived": AT + hours(5),
    "arrived_on": date(2024, 5, 1),
    "late": 20.0,
    "minutes": 20,
    "cost": Decimal("1.50"),
    "cancelled": False,
}
AIRPORTS = ["AUS", "aus", "BER", "", None]


def own_line(spine: Source = FLIGHTS, **outcome: Any) -> Line:
    """A line whose outcome stands in the flight's own row."""
    line = a_line()
    declared = Outcome(**{"name": "delay", "source": spine, "value": "late", "known": "arrived", **outcome})
    features = {name: line.features[name] for name in ("landings", "fare")}
    return replace(line, decision=replace(line.decision, spine=spine), features=features, outcome=declared)


def with_peeking_view() -> tuple[Line, Tables]:
    """A view that shows the outcomes of flights as they depart, and an honest one, over flights that have every key."""
    line, world = own_line(), random_flights(2, flights=200)
    peeks, waits = (latest(_of_flights(at), "late", by=CARRIER) for at in ("departs", "arrived"))
    whole = [row for row in world["flights"] if None not in [row[key] for key in line.decision.keys]]
    features = {"landings": line.features["landings"], "peeks": peeks, "waits": waits}
    return replace(line, features=features), {**world, "flights": whole}


def _of_flights(event_time: str) -> Source:
    """A view of the flights as if each had happened, and was known, at one of its times."""
    return Source(
        name=f"by_{event_time}",
        entities=(CARRIER,),
        columns={"carrier": "int64", event_time: "timestamp", "late": "float64"},
        event_time=event_time,
        delay=timedelta(0),
        zone="UTC",
        inputs=(FLIGHTS,),
        sql=f"SELECT carrier, {event_time}, late FROM flights",
    )


def a_line(*, window: timedelta = DAY, boundary: Any = "before", outcome: Outcome | None = None) -> Line:
    both, reverse = (ORIGIN, CARRIER), (CARRIER, ORIGIN)
    late = column("late") > 0
    return Line(
        name="flights",
        title="How late a flight will be",
        owner="tests",
        decision=Decision(
            name="departure",
            entities=(FLIGHT, ROUTE, ORIGIN, CARRIER),
            spine=FLIGHTS,
            time="departs",
            boundary=boundary,
        ),
        features={
            "landings": count(LANDINGS, window=window, by=both),
            "landings_again": count(LANDINGS, window=window, by=reverse),
            "late_of_all": share(LANDINGS, window=window, where=late, by=both),
            "carriers": distinct(LANDINGS, "carrier", window=window, by=ROUTE),
            "seats": total(LANDINGS, "seats", window=window, by=(ROUTE, CARRIER)),
            "late_mean": mean(LANDINGS, "late", window=window, by=both),
            "late_least": minimum(LANDINGS, "late", window=window, by=(ROUTE, ORIGIN)),
            "late_most": maximum(LANDINGS, "late", window=window, by=ORIGIN),
            "late_deviation": stddev(LANDINGS, "late", window=window, by=both),
            "late_first": first(LANDINGS, "late", window=window, by=both, where=late),
            "destination_last": last(LANDINGS, "destination", window=window, by=both),
            "late_latest": latest(LANDINGS, "late", by=both),
            "late_recent": latest(LANDINGS, "late", max_age=window, by=(ROUTE, CARRIER)),
            "since": since_last(LANDINGS, by=both, where=late),
            "gate": slowly_changing(SLOTS, "gate", by=reverse),
            "fare": static(FARES, "fare", by=(CARRIER, ROUTE)),
            "diverted": total(DIVERTED, "n", window=window, by=both),
            "lateness": udf(LANDINGS, "lateness", columns=("late",), returns="string", window=days(2), by=both),
            "per_seat": ratio("late_mean", "seats"),
            "worse": expression("late_mean > late_most or is_null(fare)"),
        },
        outcome=outcome
        or Outcome(name="landed_again", source=replace(SLOTS, name="returns"), by=both, horizon=hours(6)),
        training=Training(framework_version="3.2-0", baseline="landings"),
        policy=Policy(version=1, act="warn", otherwise="leave", capacity=0.5, expires_after=days(1)),
        delivery=Delivery(subscribers=("desk",)),
    )


def random_flights(seed: int, *, flights: int = 50, landings: int = 150) -> Tables:
    """Dense with ties, with nulls in each key, and with values that become known late or never."""
    chance = random.Random(seed)  # noqa: S311

    def moment(spread: int = 48) -> datetime | None:
        if chance.random() < 0.05:
            return None
        return START + timedelta(hours=chance.randint(0, spread), microseconds=chance.choice([-1, 0, 0, 1]))

    def keys() -> dict[str, Any]:
        return {
            "origin": chance.choice(AIRPORTS),
            "destination": chance.choice(AIRPORTS),
            "carrier": chance.choice([1, 2, 2, 3, None]),
        }

    def later(at: datetime | None) -> datetime | None:
        return None if at is None or chance.random() < 0.1 else at + timedelta(hours=chance.choice([-1, 0, 1, 5, 30]))

    def landing() -> dict[str, Any]:
        at = moment()
        late = chance.choice([-5.0, 0.0, 12.5, 12.5, 300.0, None])
        return {**keys(), "landed": at, "reported": later(at), "late": late, "seats": chance.choice([0, 90, None])}

    def flight(number: int) -> dict[str, Any]:
        departs = moment()
        arrived = later(departs)
        return {
            "flight": number,
            **keys(),
            "filed": None if departs is None or chance.random() < 0.05 else departs - timedelta(hours=3),
            "departs": departs,
            "arrived": arrived,
            "arrived_on": None if arrived is None else arrived.date(),
            **stated(),
        }

    def stated() -> dict[str, Any]:
        return {
            "late": chance.choice([-5.0, 0.0, -0.0, 15.0, 300.0, math.nan, None]),
            "minutes": chance.choice([-1, 0, 1, 2**62, None]),
            "cost": chance.choice([Decimal("0.25"), Decimal("-1.00"), None]),
            "cancelled": chance.choice([False, False, False, True, None]),
        }

    def slot() -> dict[str, Any]:
        one, begins = keys(), moment()
        ends = None if begins is None or chance.random() < 0.5 else begins + timedelta(hours=chance.randint(1, 20))
        return {**one, "begins": begins, "ends": ends, "gate": chance.choice(["A1", "B2", None])}

    spine = [flight(number) for number in range(flights)]
    # Flights that stand there twice, some with another outcome.
    spine += [{**chance.choice(spine), **stated()} for _ in range(5)] + [chance.choice(spine) for _ in range(3)]
    fares = {tuple(one.values()): {**one, "fare": chance.choice([1, 99, None])} for one in (keys() for _ in range(60))}
    slots, returns = [slot() for _ in range(40)], [slot() for _ in range(80)]
    return {
        "flights": spine,
        "landings": [landing() for _ in range(landings)],
        "fares": list(fares.values()),
        "slots": slots,
        "returns": returns,
    }


def diverted(tables: Tables) -> list[Row]:
    found = [row for row in tables["landings"] if row["late"] is not None and row["late"] > 0]
    return [{**row, "n": None if row["seats"] is None else row["seats"] + 1} for row in found]


def lateness(events: Sequence[Row], _: Sequence[datetime], __: datetime) -> str | None:
    return "|".join(str(row["late"]) for row in events) if events else None


reference.VIEWS.update(diverted=diverted)
reference.OWN.update(lateness=lateness)
