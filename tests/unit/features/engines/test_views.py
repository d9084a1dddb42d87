"""Views: every kind of feature over what a SELECT makes of loaded sources, under the same cut."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line import Source, days, hours, total
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.features import Aggregate, Latest, SinceLast
from assembly_line.declarations.lines import Line
from assembly_line.errors import SourceUnreadable
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.explain.explanation import explain_value
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.files.session import connect
from assembly_line.features.planning.planning import make_plan, needed_sources
from assembly_line.features.quality.gate import examine
from assembly_line.features.sources.entity_rows import rows_of_entity
from assembly_line.features.wording.feature_listing import listed_features
from assembly_line.instants import to_micros
from assembly_line.requests import DatasetRequest
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import EVENTS, SmallLake, Tables, rows_of
from tests.unit.features.view_world import WHOLE, with_views

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), window=st.sampled_from([hours(1), days(1), days(3)]))
def test_features_over_views_are_what_the_rules_say(seed: int, window: timedelta) -> None:
    line, world = with_views(window), random_world(seed)

    assert_equal(line, built(line, world), reference.dataset(line, world, list(line.features)))


def test_inputs_without_rows_give_a_view_without_rows() -> None:
    world = {**random_world(3), "events": [], "late": [], "daily": [], "people": []}

    assert {(row["whole_count"], row["day_visits"], row["decade"]) for row in built(with_views(), world)} == {
        (0, None, None)
    }


def test_a_view_reads_whole_inputs_and_has_no_snapshot_of_its_own(tmp_path: Path) -> None:
    line, asked = with_views(), {**ALL, "from": "2017-03-11", "to": "2017-03-12", "features": ["whole_count"]}
    lake = SmallLake(line, random_world(1), tmp_path)

    plan = lake.plan(asked)

    assert set(plan.inputs) == {"events", "late", "people", "invited", "visits"}
    assert {name: len(part.objects) for name, part in plan.inputs.items()} == dict.fromkeys(plan.inputs, 2)
    assert set(plan.inputs["events"].columns) == set(EVENTS.columns)
    assert plan.estimate.events == sum(lake.snapshots[name].rows for name in ("events", "late", "people"))
    assert set(needed_sources(line, DatasetRequest.parse({"line": line.name, **asked}))) == set(plan.inputs)


def test_a_dataset_is_named_by_the_sql_of_its_views_and_the_snapshots_of_their_inputs(tmp_path: Path) -> None:
    line = with_views()
    lake = SmallLake(line, random_world(1), tmp_path)

    def named(changed: Line, feature: str = "whole_count", **snapshots: Any) -> str:
        request = DatasetRequest.parse({"line": line.name, **ALL, "features": [feature]})
        given = {**lake.snapshots, **snapshots}
        return make_plan(request, changed, release="0" * 64, snapshots=given, memory_mib=2048).dataset_id

    other = with_sql(line, (WHOLE.sql or "").replace("n + 1", "n + 2"))
    fewer = replace(lake.snapshots["late"], objects=lake.snapshots["late"].objects[:1])
    described = replace_source(line, replace(WHOLE, description="All events."))

    assert named(other) != named(line)
    assert named(line, late=fewer) != named(line)
    assert named(described) == named(line)
    assert named(other, "day_count") == named(line, "day_count")


def test_a_view_is_as_new_as_its_oldest_input(tmp_path: Path) -> None:
    line, world = with_views(), random_world(1)
    old = datetime(2016, 1, 1, tzinfo=UTC)
    stale = {**world, "late": [{**row, "at": old, "known": old} for row in world["late"]]}
    lake = SmallLake(line, stale, tmp_path)
    target = tmp_path / "data.parquet"

    plan = lake.plan({**ALL, "features": ["whole_count", "events_count"]})
    result = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    findings = {one.rule: one for one in examine(plan, result, read_dataset(target))}

    assert plan.newest(WHOLE) == old
    assert not findings["freshness of whole"].passed
    assert findings["freshness of events"].passed


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ('SELECT "user", "at" FROM events', "its sql gives no column n; it gives user, at"),
        ('SELECT "user", "at", s AS n FROM events', "gives column n as VARCHAR, declared is int64; CAST it"),
        ('SELECT "user", "at", x AS n FROM events', "gives column n as DOUBLE, declared is int64"),
        ('SELECT "user", "day" AS "at", n FROM events', "gives column at as DATE, declared is timestamp"),
        ('SELECT "user", "at", price AS n FROM events', "its sql fails (Binder Error"),
        ('SELECT "user", "at", CAST(s AS BIGINT) AS n FROM events', "its sql fails (Conversion Error"),
        ('SELECT "user", "at", 9223372036854775807 + n AS n FROM events', "its sql fails (Out of Range Error"),
    ],
)
def test_a_result_that_is_not_what_was_declared_is_refused(sql: str, said: str) -> None:
    columns = {"user": "string", "at": "timestamp", "n": "int64"}
    view = replace(WHOLE, name="mine", columns=columns, known_time=None, delay=days(0), inputs=(EVENTS,), sql=sql)
    line = replace(with_views(), features={"events_count": total(view, "n", window=days(1))})

    with pytest.raises(SourceUnreadable) as refused:
        built(line, random_world(2))

    assert "source mine: " in str(refused.value)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '{folder}/../stolen.csv'",
        "ATTACH '{folder}/../other.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('https://example.org/a.parquet')",
        "SELECT * FROM read_parquet('{folder}/../other/0.parquet')",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
    ],
)
def test_the_engine_itself_reaches_nothing_but_the_datasets_own_folder(sql: str, tmp_path: Path) -> None:
    """The declaration refuses all of these; should one ever pass, the connection does."""
    other, folder = tmp_path / "other", tmp_path / "dataset"
    other.mkdir()
    folder.mkdir()
    duckdb.execute(f"COPY (SELECT 1 AS a) TO '{other}/0.parquet' (FORMAT parquet)")

    with connect(folder, memory_mib=256) as connection, pytest.raises(duckdb.Error):
        connection.execute(sql.replace("{folder}", str(folder))).fetchall()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset", "other"]


def test_an_explanation_lists_the_rows_of_the_view(tmp_path: Path) -> None:
    line, world = with_views(days(3)), random_world(6)
    lake = SmallLake(line, world, tmp_path)
    wanted = max(reference.dataset(line, world, ["whole_sum_n"]), key=lambda row: row["whole_sum_n"] or 0)
    inputs = {source.name: [Path(item.key) for item in lake.snapshots[source.name].objects] for source in WHOLE.inputs}
    rows = rows_of_entity(WHOLE, {"user": wanted["user"]}, tuple(WHOLE.columns), [], inputs=inputs)

    found = explain_value(line, "whole_sum_n", at=to_micros(wanted["decision_time"]), rows={"whole_sum_n": rows})

    assert found.value == wanted["whole_sum_n"] > 0
    assert sum(event.row["n"] for event in found.counted) == found.value


def test_views_are_listed_and_survive_json() -> None:
    line = with_views()
    (count,) = [one for one in listed_features(line) if one.name == "day_count"]

    assert count.definition == "how many of the user's per_day in the 3 days before the decision"
    assert line_from_json(json.loads(json.dumps(line_to_json(line)))) == line


def with_sql(line: Line, sql: str) -> Line:
    return replace_source(line, replace(WHOLE, sql=sql))


def replace_source(line: Line, view: Source) -> Line:
    features = {
        name: replace(feature, source=view)
        if isinstance(feature, Aggregate | Latest | SinceLast) and feature.source == WHOLE
        else feature
        for name, feature in line.features.items()
    }
    return replace(line, features=features)


def built(line: Line, world: Tables) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        return rows_of(SmallLake(line, world, Path(place)).build(ALL, Path(place) / "data.parquet"))
