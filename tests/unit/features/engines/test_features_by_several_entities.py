"""Features by several entities: the rows that carry all their keys, also where entities share a key column."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assembly_line import (
    Decision,
    Entity,
    Generated,
    Source,
    aggregate,
    count,
    days,
    every,
    hours,
    measure,
    static,
    udf,
    wide,
)
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.features import Feature
from assembly_line.errors import DeclarationError
from assembly_line.features.explain.explanation import explain_value
from assembly_line.features.model.workload import workload_of
from assembly_line.features.sources.entity_rows import rows_of_entity
from assembly_line.features.wording.feature_listing import listed_features
from assembly_line.instants import to_micros
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.flights_world import (
    CARRIER,
    FARES,
    FLIGHT,
    FLIGHTS,
    LANDINGS,
    ORIGIN,
    ROUTE,
    SCRIPTS,
    START,
    a_line,
    random_flights,
)
from tests.unit.features.small_world import SmallLake, rows_of

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
PHASES = (Phase.explicit, Phase.generate)
DECISION_IDS = Path(__file__).parents[4] / "docs" / "decision-ids.md"


@settings(max_examples=15, phases=PHASES)
@given(
    seed=st.integers(0, 10**6),
    window=st.sampled_from([hours(1), hours(5), days(3)]),
    boundary=st.sampled_from(["before", "at_or_before"]),
)
def test_a_feature_is_of_the_rows_that_carry_every_key(
    tmp_path_factory: pytest.TempPathFactory, seed: int, window: timedelta, boundary: Any
) -> None:
    line, world, folder = a_line(window=window, boundary=boundary), random_flights(seed), tmp_path_factory.mktemp("a")
    lake = SmallLake(line, world, folder)

    found = rows_of(lake.build(ALL, folder / "data.parquet", scripts=SCRIPTS))

    assert_equal(line, found, reference.dataset(line, world, list(line.features)))


@settings(max_examples=8, phases=PHASES)
@given(seed=st.integers(0, 10**6), hour=st.integers(20, 80))
def test_an_outcome_is_of_the_events_that_carry_every_key(
    tmp_path_factory: pytest.TempPathFactory, seed: int, hour: int
) -> None:
    line, world, folder = a_line(), random_flights(seed), tmp_path_factory.mktemp("a")
    as_of = START + hours(hour)
    lake = SmallLake(line, world, folder)
    request = {"purpose": "training", "as_of": as_of.isoformat(), "features": ["landings", "fare"]}

    found = rows_of(lake.build(request, folder / "data.parquet"))

    assert_equal(line, found, reference.dataset(line, world, ["landings", "fare"], as_of=as_of))


def test_the_random_flights_reach_what_they_are_meant_to_reach() -> None:
    line = a_line()
    rows = [row for seed in range(5) for row in reference.dataset(line, random_flights(seed), list(line.features))]

    for name in line.features:
        assert any(row[name] not in (None, 0) for row in rows), name
    for key in line.decision.keys:
        assert key == "flight" or any(row[key] is None for row in rows), key
    assert any(row["late_most"] != row["late_mean"] for row in rows)


def test_a_shared_key_column_stands_once_where_the_first_entity_has_it() -> None:
    assert list(a_line().decision.keys) == ["flight", "origin", "destination", "carrier"]
    route_and_origin = count(LANDINGS, window=days(1), by=(ORIGIN, ROUTE))
    line = replace(a_line(), features={**a_line().features, "one": route_and_origin})
    (group,) = workload_of(line, ("one",)).timed

    assert group.keys == ("origin", "destination")


def test_the_order_in_which_entities_are_named_makes_no_other_feature() -> None:
    one, other = (count(LANDINGS, window=days(1), by=by) for by in ((ORIGIN, CARRIER), (CARRIER, ORIGIN)))

    assert one == other
    assert count(LANDINGS, window=days(1), by=(ORIGIN,)) == count(LANDINGS, window=days(1), by=ORIGIN)


def test_a_line_with_features_by_several_entities_survives_json() -> None:
    line = a_line()
    document = json.loads(json.dumps(line_to_json(line)))
    features = dict(document["line"]["features"]["$pairs"])

    assert line_from_json(document) == line
    assert features["landings"]["by"] == [{"$entity": "origin"}, {"$entity": "carrier"}]
    assert features["late_most"]["by"] == {"$entity": "origin"}


def test_a_listing_says_by_which_entities_a_feature_is() -> None:
    listed = {one.name: one for one in listed_features(a_line())}

    assert listed["landings"].entities == ("origin", "carrier")
    assert listed["landings"].definition.startswith("how many of the origin and carrier's landings")
    assert listed["fare"].definition.startswith("fare of the route and carrier, as fares states it")


def test_tables_are_by_several_entities_too() -> None:
    by_carrier = Source(
        name="days", entities=(ORIGIN, CARRIER), columns={"origin": "string", "carrier": "int64"}, static=True
    )
    population = Generated(population=by_carrier, cadence=every(days(1), anchor=START))
    wide_table = wide("daily", population=population, features=("landings", "gate"))
    counted = aggregate("flown", LANDINGS, period="day", measures={"n": measure("count")}, by=(ROUTE, ORIGIN))
    line = replace(a_line(), tables=(wide_table, counted))

    assert line.tables == (wide_table, counted)
    assert counted.groups == ("origin", "destination")
    with pytest.raises(DeclarationError, match="feature late_least is by origin and route, the table by origin and"):
        replace(a_line(), tables=(replace(wide_table, features=("late_least",)),))


ORIGIN_AND_CARRIER = [("AUS", 1), ("AUS", 2), ("BER", 1), ("AUS", None), (None, 1)]
FOREIGN = Entity("plane", keys={"plane": "int64"})
OTHER_ORIGIN = Entity("airport", keys={"origin": "int64"})
FOLDED = Entity("airport", keys={"Origin": "string"})
WITH_PLANE = replace(LANDINGS, entities=(*LANDINGS.entities, FOREIGN), columns={**LANDINGS.columns, "plane": "int64"})


def added(feature: Feature) -> object:
    return replace(a_line(), features={**a_line().features, "one": feature})


REFUSED: dict[str, tuple[Any, str]] = {
    "a foreign entity": (
        lambda: count(LANDINGS, window=days(1), by=(ORIGIN, FLIGHT)),
        "carries origin, route, carrier, not flight",
    ),
    "an entity twice": (lambda: count(LANDINGS, window=days(1), by=(ORIGIN, ORIGIN)), "names an entity twice: origin"),
    "no entity": (lambda: count(LANDINGS, window=days(1), by=()), "by is empty; name one of origin, route, carrier"),
    "a name": (
        lambda: count(LANDINGS, window=days(1), by="origin"),  # type: ignore[arg-type]
        "by is 'origin'; expected an entity or a tuple",
    ),
    "a name among entities": (
        lambda: static(FARES, "fare", by=(ROUTE, "carrier")),  # type: ignore[arg-type]
        "by[1] is 'carrier'; expected an entity",
    ),
    "none said": (lambda: count(LANDINGS, window=days(1)), "say by= whose events count, one entity or a tuple"),
    "of a UDF": (
        lambda: udf(LANDINGS, "f", columns=(), returns="int64", window=days(1), by=(ORIGIN, FLIGHT)),
        "not flight",
    ),
    "not decided about": (
        lambda: added(count(WITH_PLANE, window=days(1), by=(ORIGIN, FOREIGN))),
        "feature one: is by plane, which is not decided about",
    ),
    "a shared column of two types": (
        lambda: Decision(name="x", entities=(ROUTE, OTHER_ORIGIN), spine=FLIGHTS, time="departs"),
        "key column origin is string of route and int64 of another",
    ),
    "columns equal but for case": (
        lambda: Decision(name="x", entities=(ROUTE, FOLDED), spine=FLIGHTS, time="departs"),
        "'origin' and 'Origin' differ only in case",
    ),
    "entities of a decision that are one": (
        lambda: Decision(name="x", entities=ROUTE, spine=FLIGHTS, time="departs"),  # type: ignore[arg-type]
        "entities is Entity(...); expected a tuple",
    ),
    "entities of a source that are one": (
        lambda: replace(FARES, entities=ROUTE),  # type: ignore[arg-type]
        "entities is Entity(...); expected a tuple",
    ),
    "two entities of one name": (
        lambda: added(
            count(
                replace(
                    LANDINGS,
                    name="other",
                    entities=(Entity("origin", keys={"origin": "string", "carrier": "int64"}), ROUTE),
                ),
                window=days(1),
                by=ROUTE,
            )
        ),
        "two different entities are named origin",
    ),
}


@pytest.mark.parametrize(("declare", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_entities_that_do_not_go_together(declare: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare()

    assert message in str(refused.value)


def test_an_explanation_shows_the_rows_that_carry_every_key(tmp_path: Path) -> None:
    """The rows that carry the origin alone do not count, nor do those of the carrier alone."""
    at, line = START + hours(10), a_line()
    row = {"destination": "BER", "landed": at - hours(1), "reported": at - hours(1), "late": 1.0, "seats": 1}
    landings = [{"origin": origin, "carrier": carrier, **row} for origin, carrier in ORIGIN_AND_CARRIER]
    lake = SmallLake(line, {"landings": landings}, tmp_path)
    keys, files = {"origin": "AUS", "carrier": 1}, [Path(item.key) for item in lake.snapshots["landings"].objects]
    rows = rows_of_entity(LANDINGS, keys, tuple(LANDINGS.columns), files)

    found = explain_value(line, "landings", at=to_micros(at), rows={"landings": rows})

    assert (found.value, [event.row["origin"] for event in found.counted]) == (1, ["AUS"])


def test_a_shared_key_column_names_a_decision_once(tmp_path: Path) -> None:
    """As the page of decision ids says, whose vector this is."""
    whole = a_line()
    decision = replace(whole.decision, entities=(ROUTE, ORIGIN, CARRIER))
    line = replace(whole, decision=decision)
    flight = {"flight": 1, "origin": "AUS", "destination": "BER", "carrier": 7, "departs": START + hours(10)}
    rows = [{**dict.fromkeys(FLIGHTS.columns), **flight}]
    lake = SmallLake(line, {"flights": rows}, tmp_path)

    (found,) = rows_of(lake.build({**ALL, "features": ["landings"]}, tmp_path / "data.parquet"))

    assert found["decision_id"] in DECISION_IDS.read_text(encoding="utf-8")
    assert list(found)[2:5] == ["origin", "destination", "carrier"]
