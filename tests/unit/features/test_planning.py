"""Plans: what a request means, which objects it reads, which engine builds it, and what it is called."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from assembly_line import Policy, column, days
from assembly_line import months as calendar_months
from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.model.plans import Plan, plan_from_json
from assembly_line.features.model.snapshots import Snapshot, SnapshotObject, snapshot_from_json
from assembly_line.features.planning.planning import make_plan
from assembly_line.instants import to_micros
from assembly_line.requests import DatasetRequest
from tests.unit.features.small_world import a_line

SCORING = {"purpose": "scoring", "as_of": "2017-07-10", "from": "2017-07-01", "to": "2017-07-02"}
TRAINING = {"purpose": "training", "as_of": "2017-07-10"}


def snapshots(line: Line, *, rows: int = 10) -> dict[str, Snapshot]:
    """Each timed source has one object a month of 2017."""
    found = {}
    for name, source in line.sources.items():
        objects = [one_object(name, None, None, rows)]
        if not source.static:
            starts = [datetime(2017, month, 1, tzinfo=UTC) for month in range(1, 13)]
            ends = [*starts[1:], datetime(2018, 1, 1, tzinfo=UTC)]
            objects = [one_object(name, start, end, rows) for start, end in zip(starts, ends, strict=True)]
        found[name] = Snapshot(source=name, columns=source.columns, objects=tuple(objects))
    return found


def one_object(name: str, start: datetime | None, end: datetime | None, rows: int) -> SnapshotObject:
    return SnapshotObject(
        key=f"sources/{name}/{start:%Y-%m}.parquet" if start else f"sources/{name}/all.parquet",
        version="v1",
        bytes=rows * 100,
        rows=rows,
        min_time=None if start is None else to_micros(start),
        max_time=None if end is None else to_micros(end - timedelta(seconds=1)),
    )


def plan(line: Line, request: dict[str, Any], *, rows: int = 10, memory_mib: int = 3008, **changed: Any) -> Plan:
    parsed = DatasetRequest.parse({"line": line.name, **request})
    given = {**snapshots(line, rows=rows), **changed}
    return make_plan(parsed, line, release="0" * 64, snapshots=given, memory_mib=memory_mib)


def months(found: Plan, source: str) -> list[str]:
    return [item.key[-15:-8] for item in found.inputs[source].objects]


def test_only_the_months_that_a_window_can_touch_are_read() -> None:
    line = a_line(window=days(20))

    assert months(plan(line, {**SCORING, "features": ["events_count"]}), "events") == ["2017-06", "2017-07"]
    assert months(plan(line, {**SCORING, "features": ["events_latest_n"]}), "events") == [
        f"2017-{month:02}" for month in range(1, 8)
    ]


def test_a_window_of_calendar_months_reads_as_far_back_as_months_may_be_long() -> None:
    line = a_line(calendar=calendar_months(2, zone="America/New_York"))

    found = months(plan(line, {**SCORING, "features": ["events_calendar_count"]}), "events")

    assert found == ["2017-04", "2017-05", "2017-06", "2017-07"]


def test_columns_of_predicates_and_the_end_of_facts_are_read() -> None:
    found = plan(a_line(where=column("b").is_true()), {**SCORING, "features": ["events_where_count", "price"]})

    assert tuple(found.inputs["events"].columns) == ("user", "at", "b")
    assert "to_day" in found.inputs["prices"].columns


def test_a_training_set_reads_outcomes_after_its_decisions_up_to_as_of() -> None:
    line = a_line(history_since=datetime(2017, 3, 1, tzinfo=UTC))

    found = months(plan(line, {**TRAINING, "features": ["kind"]}), "daily")

    assert found == [f"2017-{month:02}" for month in range(3, 8)]


def test_only_needed_sources_and_columns_are_read() -> None:
    found = plan(a_line(), {**SCORING, "features": ["events_sum_n", "kind"]})

    assert set(found.inputs) == {"events", "invited", "visits"}
    assert list(found.inputs["events"].columns) == ["user", "at", "n"]
    assert list(found.inputs["visits"].columns) == ["visit", "opens", "kind"]


def test_the_parts_of_a_ratio_are_read_but_not_given() -> None:
    found = plan(a_line(), {**SCORING, "features": ["share"]})

    assert found.features == ("share",)
    assert list(found.inputs["events"].columns) == ["user", "at", "n"]


def test_an_unknown_feature_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestRefused, match=r"no feature 'nope'; it has events_count, "):
        plan(a_line(), {**SCORING, "features": ["nope", "kind"]})


def test_a_lake_of_another_declaration_is_refused() -> None:
    line = a_line()
    events = snapshots(line)["events"]
    old = replace(events, columns={**events.columns, "n": "string"})

    with pytest.raises(RequestRefused, match="column n is string in the lake, but the line declares int64"):
        plan(line, {**SCORING, "features": ["events_sum_n"]}, events=old)


def test_requests_that_mean_the_same_are_one_dataset() -> None:
    line = a_line()
    features = list(line.features)
    same: list[dict[str, Any]] = [
        SCORING,
        {**SCORING, "features": features},
        {**SCORING, "features": [*reversed(features), features[0]]},
        {**SCORING, "engine": "spark"},
        {**SCORING, "from": "2017-07-01T02:00:00+02:00"},
    ]

    assert len({plan(line, request).dataset_id for request in same}) == 1


def test_what_leaves_the_rows_alone_is_not_in_the_name() -> None:
    line = a_line()
    other = replace(line, policy=Policy(version=9, act="x", otherwise="y", capacity=0.1, expires_after=days(2)))
    described = replace(line, title="Another title", owner="others")

    assert len({plan(one, SCORING).dataset_id for one in (line, other, described)}) == 1


@pytest.mark.parametrize(
    "request_",
    [
        {**SCORING, "as_of": "2017-07-11"},
        {**SCORING, "from": "2017-06-30"},
        {**SCORING, "to": "2017-07-03"},
        {**SCORING, "features": ["kind"]},
        {**TRAINING},
    ],
)
def test_what_changes_the_rows_changes_the_name(request_: dict[str, Any]) -> None:
    assert plan(a_line(), request_).dataset_id != plan(a_line(), SCORING).dataset_id


def test_another_definition_or_snapshot_is_another_dataset() -> None:
    line = a_line()
    first = plan(line, SCORING).dataset_id
    events = snapshots(line)["events"]
    reloaded = replace(events, objects=(replace(events.objects[0], version="v2"), *events.objects[1:]))

    assert plan(a_line(window=days(2)), SCORING).dataset_id != first
    assert plan(a_line(boundary="at_or_before"), SCORING).dataset_id != first
    assert plan(a_line(where=column("n") == 1), SCORING).dataset_id != first
    assert plan(a_line(calendar=calendar_months(1, zone="UTC")), SCORING).dataset_id != first
    assert plan(line, SCORING, events=reloaded).dataset_id != first
    # A source that is not read does not matter.
    kind = {**SCORING, "features": ["kind"]}
    assert plan(line, kind, events=reloaded).dataset_id == plan(line, kind).dataset_id


@pytest.mark.parametrize(
    ("rows", "asked", "engine"),
    [(10, "auto", "duckdb"), (10_000_000, "auto", "spark"), (10, "spark", "spark"), (10_000_000, "duckdb", "duckdb")],
)
def test_the_engine_follows_the_estimate_unless_it_is_asked_for(rows: int, asked: str, engine: str) -> None:
    found = plan(a_line(), {**SCORING, "engine": asked}, rows=rows, memory_mib=2048)

    assert found.engine == engine
    assert f"about {found.estimate.memory_mib} MiB" in found.reason


def test_a_plan_and_a_snapshot_survive_json() -> None:
    found = plan(a_line(), TRAINING)
    snapshot = snapshots(a_line())["events"]

    assert plan_from_json(json.loads(json.dumps(found.to_json()))) == found
    assert snapshot_from_json(json.loads(json.dumps(snapshot.to_json()))) == snapshot


def test_a_plan_of_another_semantics_is_refused() -> None:
    with pytest.raises(RequestRefused, match="request the dataset again"):
        plan_from_json({**plan(a_line(), SCORING).to_json(), "semantics": 0})
