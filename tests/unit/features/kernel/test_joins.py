"""Range joins and as-of joins: chosen where they pay, and never to be told from the answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import days, hours
from assembly_line.declarations.lines import Line
from assembly_line.features.engines import duckdb_groups, engine_duckdb
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.kernel import stretches
from assembly_line.features.kernel.stretches import stretches_of
from assembly_line.features.kernel.window_queries import Decisions
from assembly_line.features.model.workload import workload_of
from assembly_line.features.sources import joins
from assembly_line.features.spine.assembly import Matched
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import SPRING, random_world
from tests.unit.features.small_world import NEW_YORK, SmallLake, Tables, a_line, rows_of

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """A range join wherever there is one, whether it pays or not."""
    monkeypatch.setattr(joins, "DENSE", math.inf)
    monkeypatch.setattr(joins, "FEW", math.inf)


def bounded(line: Line) -> list[str]:
    """The features that look back over a bounded time, over each source and its keys."""
    return [
        name
        for name in line.features
        if (groups := workload_of(line, [name]).timed) and all(group.reach is not None for group in groups)
    ]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("seed", range(6))
def test_what_a_range_join_reads_gives_what_the_rules_say(seed: int, tmp_path: Path) -> None:
    parts: dict[str, Any] = {
        "boundary": ["before", "at_or_before"][seed % 2],
        "window": [hours(1), hours(24), days(3)][seed % 3],
        "delay": [hours(0), hours(25)][seed // 2 % 2],
        "time_column": ["opens", "first_day"][seed // 3],
    }
    line, world = a_line(**parts), random_world(seed, wide=seed % 2 == 0)
    lake, names = SmallLake(line, world, tmp_path), bounded(line)
    plan = lake.plan({**ALL, "features": names})

    built = build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=512)

    assert set(built.joins.values()) == {"range join"}
    assert {"events by user", "late by user", "daily by visit", "contracts by user"} <= set(built.joins)
    found = lake.build({**ALL, "features": names}, tmp_path / "again.parquet")
    assert_equal(line, rows_of(found), reference.dataset(line, world, names))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("horizon", [hours(30), None])
def test_outcomes_are_those_of_the_rules_by_a_range_join_too(horizon: Any, tmp_path: Path) -> None:
    line, world = a_line(horizon=horizon), random_world(3)
    as_of = SPRING + days(4)
    request = {"purpose": "training", "as_of": as_of.isoformat(), "features": ["daily_count", "kind"]}

    found = SmallLake(line, world, tmp_path).build(request, tmp_path / "data.parquet")

    assert_equal(line, rows_of(found), reference.dataset(line, world, ["daily_count", "kind"], as_of=as_of))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("few", [0, 1000])
def test_parts_of_a_range_join_give_the_same_dataset(few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = SmallLake(a_line(), random_world(1), tmp_path)
    request = {**ALL, "features": bounded(lake.line)}
    whole = rows_of(lake.build(request, tmp_path / "whole.parquet"))
    monkeypatch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: 30)
    monkeypatch.setattr(duckdb_groups, "FEW_PARTS", few)

    assert repr(rows_of(lake.build(request, tmp_path / "parts.parquet"))) == repr(whole)


def test_few_decisions_read_only_the_rows_of_their_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days of events, of which two decisions look at an hour each."""
    at = [SPRING + hours(n) for n in range(48)]
    empty = dict.fromkeys(("n", "x", "s", "b", "d", "day", "ts"))
    opens = {
        n: {"visit": n, "opens": moment, "first_day": None, "closes": None, "kind": None}
        for n, moment in enumerate((SPRING + hours(10), SPRING + hours(40)), 1)
    }
    world: Tables = {
        "events": [{"user": user, "at": moment, **empty} for moment in at for user in ("ada", "bob", "Ada")],
        "visits": list(opens.values()),
        "invited": [{"user": "ada", "visit": 1}, {"user": "ada", "visit": 2}],
    }
    line = a_line(window=hours(1))
    lake = SmallLake(line, world, tmp_path)
    read, matched = list[int](), DuckdbReader.matched

    def reading(reader: DuckdbReader, *others: Any) -> Matched:
        rows = matched(reader, *others)
        read.append(len(rows.codes))
        return rows

    monkeypatch.setattr(DuckdbReader, "matched", reading)
    plan = lake.plan({**ALL, "features": ["events_count"]})
    built = build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=512)

    assert built.joins == {"events by user": "range join"}
    # Both ends of the window are read, and it is the kernel that tells which of them counts.
    assert read[-1] == 4


def test_many_decisions_read_everything_at_once(tmp_path: Path) -> None:
    world = random_world(5, decisions=300)
    lake = SmallLake(a_line(window=days(3)), world, tmp_path)
    plan = lake.plan({**ALL, "features": ["events_count", "events_latest_n", "late_count", "daily_since"]})

    built = build_on_duckdb(plan, lake.planned_files(plan), tmp_path / "data.parquet", memory_mib=512)

    assert built.joins == {
        "events by user": "sorted windows",
        "late by user": "sorted windows",
        "daily by user": "as-of join",
    }


MINUTES = st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 2000)), max_size=40)


@given(asked=MINUTES, reach=st.integers(1, 300), most=st.sampled_from([1, 2, 5, 64]))
def test_stretches_hold_every_window_and_as_little_else_as_they_may(
    asked: list[tuple[int, int]], reach: int, most: int
) -> None:
    decisions = Decisions(*(np.array([one[place] for one in asked], np.int64) for place in (0, 1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "MOST_STRETCHES", most)
        found = stretches_of(decisions, reach)
    listed = list(zip(found.codes.tolist(), found.since.tolist(), found.until.tolist(), strict=True))

    held = {(code, moment) for code, since, until in listed for moment in range(since, until + 1)}
    wanted = {(code, moment) for code, time in asked if code >= 0 for moment in range(time - reach, time + 1)}
    assert sum(until - since + 1 for _, since, until in listed) == len(held)
    assert wanted <= held
    numbers = [sum(code == one for code, _, _ in listed) for one in range(4)]
    assert max(numbers) <= most
    for code, number in enumerate(numbers):
        extra = {moment for one, moment in held if one == code} - {moment for one, moment in wanted if one == code}
        assert number == most or not extra
    assert found.entities == len({code for code, _ in asked if code >= 0})


@pytest.mark.usefixtures("always")
def test_calendar_windows_reach_far_enough(tmp_path: Path) -> None:
    """A window over the night when clocks are set forward begins an hour before the same hours would."""
    line, world = a_line(), random_world(11, wide=True)
    names = [name for name in bounded(line) if "calendar" in name]
    lake = SmallLake(line, world, tmp_path)

    found = lake.build({**ALL, "features": names}, tmp_path / "data.parquet")

    assert NEW_YORK in str(line.features["events_calendar_count"])
    assert_equal(line, rows_of(found), reference.dataset(line, world, names))
