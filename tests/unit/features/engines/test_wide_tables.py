"""A wide table says at each occasion what a dataset would say of a decision then; what cannot be is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assembly_line import Generated, Line, daily, days, wide
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.explore.wide_tables import WideTable
from assembly_line.errors import DeclarationError
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.explore.wide_planning import columns_of, line_of, sources_of, wide_plan
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.plans import Plan
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import EVENTS, INVITED, NEW_YORK, USER, SmallLake, a_line, rows_of

EACH_DAY = daily(at="09:30", zone=NEW_YORK)
ACTIVE = Generated(population=EVENTS, cadence=EACH_DAY, lookback=days(2))
# Of two sources of events, made of other features, and a fact.
FEATURES = ("share_of_x", "late_latest_n", "events_count", "town")
TABLE = wide("user_day", population=ACTIVE, features=FEATURES)


def planned(line: Line, table: WideTable, lake: SmallLake) -> Plan:
    snapshots = {name: lake.snapshots[name] for name in sources_of(line, table)}
    return wide_plan(line, table, release="0" * 64, snapshots=snapshots, scripts={})


def newest(line: Line, world: Mapping[str, Any], name: str) -> datetime:
    source = line.sources[name]
    return max(reference.happened_at(row, source) for row in world[name] if row[source.event_time or ""])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("boundary", ["before", "at_or_before"])
def test_every_occasion_says_what_was_known_then(seed: int, boundary: str, tmp_path: Path) -> None:
    """Until before the newest event of the source that lags most, and from the oldest event on."""
    line = replace(a_line(boundary=boundary), tables=(TABLE,))
    world = random_world(seed, events=120)
    lake = SmallLake(line, world, tmp_path)
    plan = planned(line, TABLE, lake)

    build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=2048)

    found = rows_of(read_dataset(tmp_path / "data.parquet"))
    lagging = min(newest(line, world, "events"), newest(line, world, "late"))
    everything = [row for name in ("events", "late") for row in world[name] if row["at"] is not None]
    since = min(row["at"] for row in everything).replace(second=0, microsecond=0)
    expected = reference.dataset(line_of(line, TABLE), world, list(FEATURES), period=(since, lagging, lagging))
    assert_equal(plan.line, found, [row for row in expected if row["decision_time"] < lagging])
    assert found
    assert list(columns_of(plan)) == ["user", "as_of", *FEATURES]


def test_its_rows_begin_where_the_history_of_the_line_does(tmp_path: Path) -> None:
    world = random_world(1, events=120)
    lake = SmallLake(a_line(), world, tmp_path)
    begin = lake.snapshots["late"].newest
    assert begin is not None

    plan = planned(a_line(history_since=begin - timedelta(hours=30)), TABLE, lake)

    assert plan.since == begin - timedelta(hours=30)


def test_where_a_source_has_no_events_no_occasion_is_complete(tmp_path: Path) -> None:
    world = {**random_world(1, events=60), "late": []}
    lake = SmallLake(a_line(), world, tmp_path)
    plan = planned(a_line(), TABLE, lake)

    built = build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=2048)

    assert built.rows == 0


def test_only_what_determines_the_rows_names_them(tmp_path: Path) -> None:
    line = a_line()
    lake = SmallLake(line, random_world(1, events=60), tmp_path)
    known = planned(line, TABLE, lake).dataset_id

    same = replace(line, title="Another", training=replace(line.training, holdout=0.5))
    assert planned(same, replace(TABLE, refresh="daily at 05:00"), lake).dataset_id == known
    for other in (replace(TABLE, features=FEATURES[:2]), replace(TABLE, population=replace(ACTIVE, lookback=days(1)))):
        assert planned(line, other, lake).dataset_id != known
    lake.snapshots["late"] = replace(lake.snapshots["late"], objects=lake.snapshots["late"].objects[:1])
    assert planned(line, TABLE, lake).dataset_id != known


def test_a_release_carries_it() -> None:
    line = replace(a_line(), tables=(TABLE,))

    assert line_from_json(line_to_json(line)) == line


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"features": ("nothing",)}, "'nothing' is not a feature"),
        ({"features": ()}, "features is empty"),
        ({"features": "town"}, "expected a tuple"),
        ({"features": ("town", "town")}, "'town'"),
        ({"features": ("kind",)}, "feature kind is by visit, the table by user"),
        ({"features": ("busy",)}, "feature kind is by visit"),
        ({"features": ("town",), "population": Generated(population=INVITED, cadence=EACH_DAY)}, "no last occasion"),
        ({"by": ()}, "by is empty"),
        ({"refresh": "at noon"}, "daily at 05:00"),
        ({"name": "a table"}, "expected 1 to 63 letters"),
    ],
)
def test_a_table_that_cannot_be_is_refused_when_it_is_declared(wrong: dict[str, Any], named: str) -> None:
    given: dict[str, Any] = {"name": "t", "population": ACTIVE, "features": FEATURES, "by": USER, **wrong}

    with pytest.raises(DeclarationError) as refused:
        replace(a_line(), tables=(wide(given.pop("name"), **given),))

    assert named in str(refused.value)
