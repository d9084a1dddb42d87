"""What the benchmarks ask for, declared as a user declares it: a line over retail events, by household and day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Feature,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    count,
    days,
    distinct,
    latest,
    maximum,
    mean,
    static,
    total,
)
from assembly_line.declarations.features import Aggregate, Latest
from assembly_line.features import Plan, Snapshot, make_plan
from assembly_line.requests import DatasetRequest
from benchmarks.flights import FLIGHTS, LATE, ORIGIN, TAKEOFF

HOUSEHOLD = Entity("household", keys={"household_id": "int64"})
DAY = Entity("day", keys={"day_id": "int64"})
EVENTS = Source(
    name="events",
    entities=(HOUSEHOLD,),
    columns={"household_id": "int64", "product_id": "int64", "cents": "int64", "happened_at": "timestamp"},
    event_time="happened_at",
    delay=timedelta(0),
    zone="UTC",
)
SPINE = Source(
    name="spine", entities=(HOUSEHOLD, DAY), columns={"household_id": "int64", "day_id": "int64"}, static=True
)
DAYS = Source(name="days", entities=(DAY,), columns={"day_id": "int64", "opens": "timestamp"}, static=True, zone="UTC")
WIDTHS = (7, 30, 90)
# A Lambda of the default size.
MEMORY_MIB = 3008
EVERYTHING = {"purpose": "scoring", "as_of": "2018-01-01", "from": "2017-01-01", "to": "2018-01-01"}

# The latest value asks for a total order of rows, so it reads every declared column: those that nobody asks for are
# not declared here.
PURCHASES = replace(EVENTS, columns={name: kind for name, kind in EVENTS.columns.items() if name != "product_id"})
LATEST: Mapping[str, Feature] = {"latest_cents": latest(PURCHASES, "cents")}
WINDOWED: Mapping[str, Feature] = {
    name: feature
    for width in WIDTHS
    for name, feature in {
        f"sum_{width}d": total(EVENTS, "cents", window=days(width)),
        f"count_{width}d": count(EVENTS, window=days(width)),
        f"mean_{width}d": mean(EVENTS, "cents", window=days(width)),
        f"max_{width}d": maximum(EVENTS, "cents", window=days(width)),
        f"distinct_{width}d": distinct(EVENTS, "product_id", window=days(width)),
    }.items()
}
# Many columns of several sources, latest values only.
WIDE_SOURCES = tuple(
    Source(
        name=f"signals_{number}",
        entities=(HOUSEHOLD,),
        columns={
            "household_id": "int64",
            "happened_at": "timestamp",
            **{f"v{number}_{place}": "float64" for place in range(10)},
        },
        event_time="happened_at",
        delay=timedelta(0),
        zone="UTC",
    )
    for number in range(5)
)
WIDE: Mapping[str, Feature] = {
    f"latest_{column}": latest(source, column)
    for source in WIDE_SOURCES
    for column in source.columns
    if column.startswith("v")
}
VISIT = Decision(name="visit", entities=(HOUSEHOLD, DAY), spine=SPINE, time=static(DAYS, "opens"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Args:
        events: the source of its outcome, by `entity`.
        keys: columns that tell its decisions apart in every engine's output, beside the decision time.
    """

    features: Mapping[str, Feature]
    events: Source = EVENTS
    entity: Entity = HOUSEHOLD
    decision: Decision = VISIT
    keys: tuple[str, ...] = ("household_id",)


CASES = {
    "latest": Case(features=LATEST, events=PURCHASES),
    "windowed": Case(features=WINDOWED),
    "wide": Case(features=WIDE, events=WIDE_SOURCES[0]),
    "late": Case(features=LATE, events=FLIGHTS, entity=ORIGIN, decision=TAKEOFF, keys=("flight_id",)),
}


def line_of(case: str) -> Line:
    """A line of the features of a case."""
    declared = CASES[case]
    # An outcome is declared and not asked for; it knows no times of knowledge of single rows.
    events = replace(declared.events, known_time=None, delay=timedelta(0), name="outcomes")
    return Line(
        name="benchmark",
        title="What a dataset costs",
        owner="benchmarks",
        decision=declared.decision,
        features=declared.features,
        outcome=Outcome(name="bought", source=events, by=(declared.entity,), horizon=days(7)),
        training=Training(framework_version="3.2-0", baseline=next(iter(declared.features))),
        policy=Policy(version=1, act="remind", otherwise="leave", capacity=0.2, expires_after=days(7)),
        delivery=Delivery(subscribers=("desk",)),
    )


def plan_of(case: str, snapshots: Mapping[str, Snapshot]) -> Plan:
    """The plan of every decision of the spine."""
    line = line_of(case)
    request = DatasetRequest.parse({"line": line.name, **EVERYTHING, "engine": "duckdb"})
    return make_plan(request, line, release="0" * 64, snapshots=snapshots, memory_mib=MEMORY_MIB)


def columns_of(case: str) -> dict[str, list[str]]:
    """Source of events -> the value columns that a case reads, in order."""
    found: dict[str, list[str]] = {}
    for feature in CASES[case].features.values():
        if isinstance(feature, Aggregate | Latest):
            columns = found.setdefault(feature.source.name, [])
            if feature.column is not None and feature.column not in columns:
                columns.append(feature.column)
    return found
