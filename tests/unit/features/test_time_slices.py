"""Entities that do not fit in memory are answered a slice of time after the other, and nobody can tell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assembly_line import days, hours
from assembly_line.features import engine_duckdb
from assembly_line.features.duckdb_groups import GroupOnOneMachine, grouped
from assembly_line.features.duckdb_reader import Codes
from assembly_line.features.evaluation import Rows
from assembly_line.features.semantics import Sight
from assembly_line.features.time_slices import EARLIEST, LATEST_END, TimeSlice, carried, time_slices
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import SmallLake, a_line, rows_of

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
FEATURES = [
    *(
        f"late_{name}"
        for name in ("count", "distinct_s", "max_x", "latest_n", "latest_s", "recent_n", "since", "sum_d")
    ),
    *(f"events_{name}" for name in ("count", "mean_n", "latest_s", "latest_x", "since_recent")),
    *("daily_since", "daily_visits", "visit_daily", "kind"),
]
# A world is named by its seed: nothing about it would become simpler by shrinking.
PHASES = (Phase.explicit, Phase.generate)


@settings(max_examples=8, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10**6),
    limit=st.sampled_from([1, 5, 20]),
    window=st.sampled_from([hours(1), hours(24), timedelta.max]),
    delay=st.sampled_from([timedelta(0), hours(25)]),
    boundary=st.sampled_from(["before", "at_or_before"]),
)
def test_slices_of_any_size_give_what_the_rules_say(
    seed: int, limit: int, tmp_path_factory: pytest.TempPathFactory, **parts: Any
) -> None:
    line, world = a_line(**parts), random_world(seed, events=100, decisions=30)
    folder = tmp_path_factory.mktemp("slices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: limit)
        found = SmallLake(line, world, folder).build({**ALL, "features": FEATURES}, folder / "data.parquet")

    assert_equal(line, rows_of(found), reference.dataset(line, world, FEATURES))


def test_a_huge_entity_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand rows of one user, of which a latest value and a window of an hour need a few at a time."""
    world = random_world(5, events=2000, decisions=60)
    world = {**world, "events": [{**row, "user": "ada"} for row in world["events"]]}
    line = a_line(window=hours(1))
    features = ["events_count", "events_latest_s", "events_since"]
    monkeypatch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: 300)
    held = []
    evaluated = GroupOnOneMachine._evaluated

    def watched(self: GroupOnOneMachine, decisions: Any, rows: Any) -> Any:
        held.append(len(rows.times))
        return evaluated(self, decisions, rows)

    monkeypatch.setattr(GroupOnOneMachine, "_evaluated", watched)
    found = SmallLake(line, world, tmp_path).build({**ALL, "features": features}, tmp_path / "data.parquet")

    assert len(held) > 4
    assert max(held) < 500
    assert_equal(line, rows_of(found), reference.dataset(line, world, features))


def test_slices_end_where_enough_rows_are_held() -> None:
    edges, counts = np.arange(0, 110, 10), np.array([5, 5, 5, 5, 0, 0, 0, 20, 5, 5])

    assert time_slices(edges, counts, overlap=0, limit=10) == [
        TimeSlice(EARLIEST, 20),
        TimeSlice(20, 70),
        TimeSlice(70, 80),
        TimeSlice(80, LATEST_END),
    ]
    # Ten microseconds of overlap are five rows: the others are the slice's own.
    assert [cut.start for cut in time_slices(edges, counts, overlap=10, limit=10)] == [EARLIEST, 20, 30, 70, 80, 90]
    assert time_slices(edges, counts, overlap=int(days(9000) / timedelta(microseconds=1)), limit=10**6) == [
        TimeSlice(EARLIEST, LATEST_END)
    ]


def test_entities_are_taken_together_as_far_as_they_fit() -> None:
    assert grouped(np.array([3, 3, 3, 50, 1, 1]), 6) == [Codes(0, 2), Codes(2, 3), Codes(3, 4), Codes(4, 6)]
    assert grouped(np.array([], np.int64), 6) == [Codes(0, 0)]


def test_what_is_carried_is_the_last_row_seen_and_what_becomes_known_later() -> None:
    """A slice starts at 100: rows known by then exactly, a microsecond later, after all decisions, and never."""
    known = np.array([90, 100, 101, 201, np.iinfo(np.int64).max])
    rows = Rows(np.zeros(5, np.int64), np.array([10, 20, 30, 40, 50]), known, {})
    sight = Sight(before=1, hold=1)
    of_all = [np.ones(5, np.bool_)]

    assert carried(rows, of_all, sight, before=100, start=100, until=200).times.tolist() == [20, 30]
    assert carried(rows, of_all, sight, before=20, start=100, until=200).times.tolist() == [10]
    assert carried(rows, [], sight, before=100, start=100, until=200).times.tolist() == []
    odd = np.array([True, False, True, False, True])
    assert carried(rows, [*of_all, odd], sight, before=100, start=100, until=200).times.tolist() == [10, 20, 30]
