"""An outcome is explained by the events within its horizon: what they come to is what the dataset says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from assembly_line import hours, static
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.features.explain.explanation import Reason
from assembly_line.features.explain.outcome_explanation import Horizon, explain_outcome, horizon_of
from assembly_line.features.explain.own_row_explanation import explain_own_row
from assembly_line.features.model.workload import keys_of
from assembly_line.features.sources.entity_rows import Row, rows_of_entity
from assembly_line.features.values.plain_values import plain_values, rounds, same
from assembly_line.instants import to_micros
from tests.unit.features.flights_world import FLIGHTS, START, own_line, random_flights
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import DAILY, EVENTS, USER, VISIT, VISITS, SmallLake
from tests.unit.features.spine.test_outcome_measures import MEASURES, line_with
from tests.unit.features.spine.test_own_row_outcomes import VALUES

HOUR = 3_600_000_000


def world() -> dict[str, Any]:
    return {**random_world(5, events=80, decisions=30), "late": []}


UNTIL = {"until": static(VISITS, "closes"), "source": DAILY, "by": (USER, VISIT)}
OUTCOMES = [
    *({"horizon": hours(20) / measure.get("steps", 1), "gap": hours(1), **measure} for measure in MEASURES[1::2]),
    *({**UNTIL, **measure} for measure in (MEASURES[0], MEASURES[-1])),
    {"horizon": hours(20), **MEASURES[-1]},
]


@pytest.mark.parametrize("declared", OUTCOMES, ids=lambda one: one.get("measure", "happened"))
def test_what_the_listed_events_come_to_is_what_the_dataset_says(declared: dict[str, Any], tmp_path: Path) -> None:
    tables = world()
    lake = SmallLake(line_with(**declared), tables, tmp_path)
    as_of = min(row["at"] for row in tables["events"] if row["at"]) + timedelta(days=4)
    request = {"purpose": "training", "as_of": as_of.isoformat()}
    dataset, outcome = lake.build(request, tmp_path / "data.parquet"), lake.line.outcome
    values = {name: plain_values(column) for name, column in dataset.items()}
    newest = lake.snapshots[outcome.source.name].newest

    for place, at in enumerate(values["decision_time"]):
        keys = {key: values[key][place] for key in lake.line.decision.keys}
        horizon = horizon_of(
            lake.line,
            at=at,
            until=rows_of(lake, "visits", {"visit": keys["visit"]}),
            as_of=to_micros(as_of),
            covered=None if newest is None else to_micros(newest),
        )
        rows = rows_of(lake, outcome.source.name, {key: keys[key] for key in keys_of(outcome.by)})
        for name in outcome.columns:
            found = explain_outcome(lake.line, name, horizon=horizon, rows=rows)

            assert same(found.value, values[name][place], rounded=rounds(lake.line, name))
            assert all((found.since or 0) <= (event.time or 0) <= (found.until or 0) for event in found.counted)
    assert len(values["decision_time"]) > 3


def rows_of(lake: SmallLake, name: str, keys: dict[str, Any]) -> list[Row]:
    files = [Path(item.key) for item in lake.snapshots[name].objects]
    return rows_of_entity(lake.line.sources[name], keys, tuple(lake.line.sources[name].columns), files)


def test_events_near_a_horizon_say_why_they_do_not_count() -> None:
    line = line_with(measure="sum", column="n")
    horizon = Horizon(begins=0, ends=20 * HOUR, known_at=20 * HOUR)
    times = {0: 1, 1: 2, 20 * HOUR: 3, 20 * HOUR + 1: 4, 10 * HOUR: None, 90 * HOUR: 5, None: 6}
    rows = [{"at": at, "n": n} for at, n in times.items()]

    found = explain_outcome(line, "came", horizon=horizon, rows=rows)

    assert [event.row["n"] for event in found.counted] == [2, 3]
    assert found.value == 5
    assert {event.row["n"]: reason for event, reason in found.left_out} == {
        1: Reason.BEFORE_HORIZON,
        4: Reason.AFTER_HORIZON,
        None: Reason.NULL,
        6: Reason.NO_EVENT_TIME,
    }


def test_without_an_event_until_maturity_the_declared_value_stands() -> None:
    line = replace(line_with(), outcome=replace(line_with().outcome, source=DAILY, by=(USER, VISIT)))
    horizon = horizon_of(line, at=7 * HOUR, until=[], as_of=10**18, covered=None)

    found = explain_outcome(line, "came", horizon=horizon, rows=[])

    assert (found.value, found.counted) == (0, ())
    assert (found.since, found.until, horizon.known_at) == (7 * HOUR + 1, 27 * HOUR, 27 * HOUR)
    assert EVENTS.delay == timedelta(0)


@pytest.mark.parametrize("declared", VALUES, ids=str)
def test_the_row_that_states_an_outcome_says_what_the_dataset_says(tmp_path: Path, declared: dict[str, Any]) -> None:
    lake = SmallLake(own_line(FLIGHTS, **declared), random_flights(7, flights=60), tmp_path)
    request = {"purpose": "training", "as_of": (START + hours(90)).isoformat()}
    dataset, line = lake.build(request, tmp_path / "data.parquet"), lake.line
    values = {name: plain_values(column) for name, column in dataset.items()}

    for place in range(len(values["decision_time"])):
        decision = {name: column[place] for name, column in values.items()}
        keys = {key: decision[key] for key in line.decision.keys}
        if None in keys.values():
            continue  # the quality gate refuses such decisions
        rows = rows_of(lake, FLIGHTS.name, keys)
        for name in (line.outcome.name, OUTCOME_KNOWN_AT):
            found = explain_own_row(line, name, decision=decision, rows=rows)

            assert same(found.value, decision[name], rounded=False)
            assert len(found.counted) == 1
    assert values["decision_time"]
