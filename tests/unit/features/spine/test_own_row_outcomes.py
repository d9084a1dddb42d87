"""Outcomes that the decision's own row states: known at their time and not before, none where the row states none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assembly_line import Generated, Outcome, Source, column, days, every, hours, latest, mean, static, wide
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.features import Feature
from assembly_line.declarations.lines import Line
from assembly_line.errors import DeclarationError
from assembly_line.features.engines import outcomes
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.explore.wide_planning import line_of
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.quality.audit_of_knowledge import audit_knowledge
from assembly_line.features.quality.audit_of_outcome import outcome_columns
from assembly_line.features.wording.decision_wording import outcome_in_words
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.flights_world import (
    A_FLIGHT,
    AT,
    CARRIER,
    FILED,
    FLIGHT,
    FLIGHTS,
    LANDINGS,
    ORIGIN,
    ROUTE,
    START,
    own_line,
    random_flights,
    with_peeking_view,
)
from tests.unit.features.small_world import EVENTS, USER, SmallLake, Tables, rows_of

PHASES = (Phase.explicit, Phase.generate)
FLOWN = column("cancelled") == False  # noqa: E712
SCORING = {"purpose": "scoring", "from": "2024-01-01", "to": "2025-01-01"}
MICROSECOND = timedelta(microseconds=1)
VALUES: list[dict[str, Any]] = [
    {},
    {"where": FLOWN},
    {"value": "minutes", "delay": hours(3)},
    {"value": "cost", "known": "arrived_on"},
    {"value": "cancelled", "known": "departs"},
    {"value": "cancelled", "present": 7, "absent": 3, "known": "departs", "delay": days(1)},
    {"value": (column("late") > 10) & FLOWN},
    {"value": column("late") > 10, "where": ~column("late").is_null()},
]


@settings(max_examples=20, phases=PHASES)
@given(
    outcome=st.sampled_from(VALUES),
    spine=st.sampled_from([FLIGHTS, FILED]),
    seed=st.integers(0, 10**6),
    hour=st.integers(0, 90),
)
def test_a_training_row_has_what_its_own_row_states_once_that_is_known(
    tmp_path_factory: pytest.TempPathFactory, outcome: dict[str, Any], spine: Source, seed: int, hour: int
) -> None:
    line, world, as_of = own_line(spine, **outcome), random_flights(seed), START + hours(hour)
    period = None if spine.static else (datetime.min.replace(tzinfo=as_of.tzinfo), as_of + days(99), as_of)

    found, excluded = built(line, world, as_of, tmp_path_factory.mktemp("a"))

    expected = reference.dataset(line, world, list(line.features), as_of=as_of, period=period)
    assert_equal(line, found, expected)
    assert len(found) + sum(excluded.values()) == len(world["flights"])


def test_the_outcomes_reach_what_they_are_meant_to_reach(tmp_path: Path) -> None:
    line, world = own_line(where=FLOWN), random_flights(3, flights=300)

    found, excluded = built(line, world, START + hours(40), tmp_path)

    assert min(len(found), excluded["no_outcome"], excluded["immature"], excluded["without_time"]) > 10


@pytest.mark.parametrize(
    ("changes", "as_of", "kept", "reason"),
    [
        ({}, AT + hours(5), 1, None),
        ({}, AT + hours(5) - MICROSECOND, 0, "immature"),
        ({"late": None}, AT + hours(5), 0, "no_outcome"),
        ({"late": None}, AT + hours(4), 0, "immature"),
        ({"cancelled": True}, AT + hours(5), 0, "no_outcome"),
        ({"cancelled": None}, AT + hours(5), 0, "no_outcome"),
        ({"cancelled": True, "arrived": None}, AT + hours(5), 0, "no_outcome"),
        ({"arrived": None}, AT + days(999), 0, "immature"),
        ({"arrived": AT - hours(1)}, AT, 1, None),
    ],
)
def test_each_flight_is_a_training_row_or_is_counted_with_its_reason(
    tmp_path: Path, changes: Mapping[str, Any], as_of: datetime, kept: int, reason: str | None
) -> None:
    found, excluded = built(own_line(where=FLOWN), {"flights": [{**A_FLIGHT, **changes}]}, as_of, tmp_path)

    assert len(found) == kept
    assert [name for name, number in excluded.items() if number] == ([reason] if reason else [])
    if kept:
        assert found[0]["outcome_known_at"] == max(AT, {**A_FLIGHT, **changes}["arrived"])


def test_a_decision_without_an_outcome_is_scored_all_the_same(tmp_path: Path) -> None:
    lake = SmallLake(own_line(where=FLOWN), {"flights": [{**A_FLIGHT, "cancelled": True, "late": None}]}, tmp_path)

    found = rows_of(lake.build({**SCORING, "as_of": AT.isoformat()}, tmp_path / "data.parquet"))

    assert [row["flight"] for row in found] == [1]
    assert "delay" not in found[0]


def test_rows_of_one_decision_are_ordered_by_what_they_state(tmp_path: Path) -> None:
    rows = [{**A_FLIGHT, "late": late} for late in (3.0, 1.0, 2.0)]
    for number, order in enumerate((rows, rows[::-1])):
        found, _ = built(own_line(), {"flights": order}, AT + days(1), tmp_path / str(number))

        assert [row["delay"] for row in found] == [1.0, 2.0, 3.0]


def test_a_sample_by_class_keeps_the_positives_with_their_own_outcomes(tmp_path: Path) -> None:
    line, world = own_line(value=column("late") > 10), random_flights(5, flights=400)
    as_of = START + days(9)
    whole, _ = built(line, world, as_of, tmp_path / "whole")

    some, excluded = built(line, world, as_of, tmp_path / "some", sampling={"keep_negatives": 0.3, "seed": 1})

    assert [row for row in some if row["delay"]] == [row for row in whole if row["delay"]]
    assert all(row in whole for row in some)
    assert excluded["sampled_out"] == len(whole) - len(some) > 0


@pytest.mark.parametrize("spine", [FLIGHTS, FILED])
def test_outcomes_derived_later_are_those_of_a_training_set(tmp_path: Path, spine: Source) -> None:
    line, world = own_line(spine, value=column("late") > 10, where=FLOWN), random_flights(8, flights=200)
    as_of = START + hours(40)
    flights = [
        row for row in world["flights"] if row["departs"] and None not in [row[key] for key in line.decision.keys]
    ]
    world = {**world, "flights": [row for row in flights if row["filed"]]}
    decisions = [({key: row[key] for key in line.decision.keys}, row["departs"]) for row in world["flights"]]
    training, excluded = built(line, world, as_of, tmp_path)
    known = {row["flight"]: {one["delay"] for one in training if one["flight"] == row["flight"]} for row in training}

    found = derived(line, decisions, SmallLake(line, world, tmp_path / "lake"), as_of)

    agreed = [known.get(keys["flight"], set()) for keys, _ in decisions]
    assert [outcome.value for outcome in found] == [min(one) if len(one) == 1 else None for one in agreed]
    assert {outcome.value for outcome in found} == {0, 1, None}
    assert any(outcome.without for outcome in found)
    assert any(len(one) == 2 for one in agreed)
    assert all(outcome.mature_at and AT - days(9) < outcome.mature_at <= as_of for outcome in found if outcome.mature)
    assert excluded["immature"] > 0


def test_decisions_whose_rows_contradict_each_other_have_no_outcome(tmp_path: Path) -> None:
    line = own_line(value=column("late") > 10)
    other = {**A_FLIGHT, "flight": 2}
    rows = [A_FLIGHT, {**A_FLIGHT, "late": 0.0}, other, {**other, "late": 99.0, "arrived": AT + hours(9)}]
    decisions = [
        ({key: row[key] for key in line.decision.keys}, AT) for row in (A_FLIGHT, other, {**other, "flight": 3})
    ]

    found = derived(line, decisions, SmallLake(line, {"flights": rows}, tmp_path), AT + days(1))

    assert [(one.mature, one.value, one.without) for one in found] == [
        (False, None, True),
        (True, 1, False),
        (False, None, False),
    ]
    assert found[1].mature_at == AT + hours(5)


def test_a_line_with_an_own_outcome_survives_json() -> None:
    for outcome in VALUES:
        line = own_line(**outcome)

        assert line_from_json(json.loads(json.dumps(line_to_json(line)))) == line


def test_an_outcome_of_events_is_written_as_before_own_outcomes_were_there() -> None:
    of_events = replace(own_line(), outcome=Outcome(name="y", source=LANDINGS_BY_DELAY, by=(ROUTE,), horizon=days(1)))

    assert line_to_json(of_events)["line"]["outcome"].keys() == {
        "$kind", "name", "source", "by", "horizon", "until", "present", "absent", "gap", "measure", "column",
    }  # fmt: skip


def test_an_own_outcome_is_told_in_words() -> None:
    number, classes = own_line().outcome, own_line(value=column("late") > 15, where=FLOWN, delay=hours(2)).outcome

    assert outcome_in_words(number) == "late of the decision's row in flights, known at arrived"
    assert outcome_in_words(classes) == (
        "whether late is above 15.0, in the decision's row in flights, known 2 hours after arrived; "
        "none unless cancelled is false"
    )
    assert (number.kind, number.has_classes, classes.kind, classes.has_classes) == ("float64", False, "int64", True)


def test_a_table_of_features_needs_no_outcome() -> None:
    population = Generated(
        population=Source(name="routes", entities=(ROUTE, CARRIER), columns=dict(FLIGHTS_KEYS), static=True),
        cadence=every(days(1), anchor=START),
    )
    table = wide("daily", population=population, by=(ROUTE, CARRIER), features=("fare", "late_on_route"))
    features = {**own_line().features, "late_on_route": mean(LANDINGS, "late", window=days(1), by=ROUTE)}

    line = replace(own_line(), features=features, tables=(table,))

    assert line_of(line, table).decision.name == "daily"


ARRIVALS = replace(FLIGHTS, name="arrivals", static=False, event_time="arrived", delay=timedelta(0))
KNOWN = replace(FILED, delay=None, known_time="arrived")
COPIED = replace(
    FLIGHTS, name="copied", columns={name: kind for name, kind in FLIGHTS.columns.items() if name != "cost"}
)
FLIGHTS_KEYS = {"origin": "string", "destination": "string", "carrier": "int64"}
LANDINGS_BY_DELAY = replace(LANDINGS, name="by_delay", known_time=None, delay=timedelta(0))


@pytest.mark.parametrize(
    ("spine", "feature", "said"),
    [
        (
            FILED,
            mean(FILED, "late", window=days(1), by=ORIGIN),
            "it reads late of flights, whose rows count as known at filed",
        ),
        (FILED, latest(FILED, "cost", by=ROUTE, where=column("late") > 1), "it reads late of flights"),
        (FILED, latest(FILED, "arrived", by=ROUTE), "it reads arrived of flights"),
        (
            FLIGHTS,
            static(FLIGHTS, "late", by=(ROUTE, CARRIER)),
            "it reads late of flights, whose rows carry no time",
        ),
        (FLIGHTS, static(COPIED, "late", by=ROUTE), "it reads late of copied, whose rows carry no time"),
        (FILED, latest(FILED, "cost", by=ROUTE), None),
        (FLIGHTS, mean(ARRIVALS, "late", window=days(1), by=(ORIGIN, CARRIER)), None),
        (KNOWN, mean(KNOWN, "late", window=days(1), by=ORIGIN), None),
    ],
)
def test_a_feature_that_reads_the_outcome_before_it_is_known_is_refused(
    spine: Source, feature: Feature, said: str | None
) -> None:
    line = replace(own_line(spine), features={**own_line().features, "one": feature})

    leaks = outcome_columns(line, tuple(line.features))

    assert [leak.feature for leak in leaks] == ([] if said is None else ["one"])
    assert said is None or leaks[0].value.startswith(said)


def test_rows_that_are_known_at_the_same_time_are_too_early_for_an_outcome_with_a_delay() -> None:
    line = own_line(KNOWN, delay=hours(2))
    features = {**line.features, "one": mean(KNOWN, "late", window=days(1), by=ORIGIN)}

    (leak,) = outcome_columns(replace(line, features=features), ("one",))

    assert leak.expected == "values that count as known no sooner than delay: at arrived + 2:00:00"


def test_a_view_that_shows_an_outcome_before_it_is_known_is_caught_and_an_honest_one_is_not(tmp_path: Path) -> None:
    """The rows of a static spine carry no time; the columns that tell the outcome are cut by its own."""
    line, world = with_peeking_view()
    lake = SmallLake(line, world, tmp_path)
    plan = lake.plan({"purpose": "training", "as_of": (START + days(9)).isoformat()})
    build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=1024)

    found = audit_knowledge(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=1024)

    assert [finding.feature for finding in found if finding.stops] == ["peeks"]


def test_the_time_of_the_decision_tells_no_outcome_that_is_known_then(tmp_path: Path) -> None:
    line = own_line(value="cancelled", known="departs")
    features = {**line.features, "departs": static(FLIGHTS, "departs", by=FLIGHT)}
    line = replace(line, features=features)
    world = {**random_flights(2), "flights": [{**A_FLIGHT, "flight": n, "cancelled": n % 2 > 0} for n in range(50)]}
    lake = SmallLake(line, world, tmp_path)
    plan = lake.plan({"purpose": "training", "as_of": (START + days(9)).isoformat()})
    build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=1024)

    found = audit_knowledge(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=1024)

    assert [finding for finding in found if finding.stops] == []
    assert outcome_columns(line, tuple(features)) == []


REFUSED: dict[str, tuple[Any, str]] = {
    "no known time": (lambda: own_line(known=None), "say when the value is known: known=<a time column"),
    "known by a number": (
        lambda: own_line(known="late"),
        "known late of flights is float64, expected date or timestamp",
    ),
    "no such column": (lambda: own_line(value="delay"), "source flights has no column 'delay'"),
    "a text": (lambda: own_line(value="origin"), "value origin is string, expected a number or a boolean"),
    "a predicate that does not fit": (lambda: own_line(value=column("late") == "a"), "late == 'a'"),
    "a condition that is none": (lambda: own_line(where="cancelled"), "where is 'cancelled'; expected a predicate"),
    "a negative delay": (lambda: own_line(delay=hours(-1)), "delay -1 day, 23:00:00 is negative"),
    "a horizon": (lambda: own_line(horizon=days(1)), "horizon= is for events"),
    "entities": (lambda: own_line(by=(ROUTE,)), "by= is for events"),
    "a measure": (lambda: own_line(measure="sum"), "measure sum is of events"),
    "classes of a number": (lambda: own_line(absent=3), "a number is the outcome as it stands"),
    "one class": (lambda: own_line(value="cancelled", absent=1), "present and absent are both 1"),
    "of another table": (
        lambda: replace(own_line(), outcome=own_line(replace(FLIGHTS, name="other")).outcome),
        "outcome delay is a value of rows of other, which are not the decisions; the spine is flights",
    ),
    "known of events": (
        lambda: Outcome(name="y", source=EVENTS, by=(USER,), horizon=days(1), known="at"),
        "known= is for an outcome of the decision's own row; declare value=",
    ),
    "events of nobody": (lambda: Outcome(name="y", source=EVENTS, horizon=days(1)), "say by= whose events count"),
}


@pytest.mark.parametrize(("declare", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refuses_own_outcomes_that_contradict_themselves(declare: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        declare()

    assert message in str(refused.value)


def built(
    line: Line, world: Tables, as_of: datetime, folder: Path, **request: Any
) -> tuple[list[dict[str, Any]], Mapping[str, int]]:
    """The rows of the training dataset, and which decisions were left out."""
    folder.mkdir(exist_ok=True)
    lake = SmallLake(line, world, folder)
    plan = lake.plan({"purpose": "training", "as_of": as_of.isoformat(), **request})
    target = folder / "data.parquet"
    report = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    return rows_of(read_dataset(target)), report.excluded


def derived(line: Line, decisions: Any, lake: SmallLake, as_of: datetime) -> list[outcomes.DecisionOutcome]:
    files = {}
    for source in outcomes.sources_of(line):
        folder = lake.folder / "fetched" / source
        folder.mkdir(parents=True)
        files[source] = [Path(shutil.copy(item.key, folder)) for item in lake.snapshots[source].objects]
    return outcomes.derive(line, decisions, as_of=as_of, covered_until=None, files=files)
