"""Entities that do not fit in memory are answered a slice of time after the other, and nobody can tell."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from assembly_line import days, hours
from assembly_line.errors import RequestRefused, SourceUnreadable
from assembly_line.features.engines import engine_duckdb
from assembly_line.features.engines.duckdb_groups import grouped
from assembly_line.features.engines.duckdb_reader import Codes, DuckdbReader
from assembly_line.features.engines.spark_reader import CODE
from assembly_line.features.engines.spark_slices import Slots, Spreading, renumbered
from assembly_line.features.files.session import connect, unreadable
from assembly_line.features.kernel.evaluation import evaluate
from assembly_line.features.kernel.time_slices import EARLIEST, LATEST_END, TimeSlice, carried, overlap_of, time_slices
from assembly_line.features.kernel.window_queries import Decisions, Rows
from assembly_line.features.model.workload import TimedGroup, workload_of
from assembly_line.features.spine.assembly import Matched, timed_columns, timed_rows
from assembly_line.features.spine.decisions import select_decisions
from assembly_line.features.values.arrow_columns import from_physical_table, to_physical_table
from assembly_line.features.values.columns import Column
from assembly_line.features.values.semantics import Sight, sight_of
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


@settings(max_examples=8, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
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

    def watched(features: Any, decisions: Any, rows: Any, *others: Any, **options: Any) -> Any:
        held.append(len(rows.times))
        return evaluate(features, decisions, rows, *others, **options)

    monkeypatch.setattr(engine_duckdb, "evaluate", watched)
    found = SmallLake(line, world, tmp_path).build({**ALL, "features": features}, tmp_path / "data.parquet")

    assert len(held) > 4
    assert max(held) < 500
    assert_equal(line, rows_of(found), reference.dataset(line, world, features))


def test_without_decisions_a_source_larger_than_memory_gives_all_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: 5)
    nobody = {**ALL, "from": "2001-01-01", "to": "2001-01-02", "features": ["events_count", "late_latest_s"]}
    lake = SmallLake(a_line(), random_world(5), tmp_path)
    for purpose in ("scoring", "training"):
        found = lake.build({**nobody, "purpose": purpose}, tmp_path / f"{purpose}.parquet")
        assert {"events_count", "late_latest_s"} <= found.keys()
        assert rows_of(found) == []


def test_a_full_disk_is_not_said_to_be_a_source_that_cannot_be_read() -> None:
    full = unreadable("events", duckdb.IOException('IO Error: Could not write file "x": No space left on device'))
    torn = unreadable("events", duckdb.InvalidInputException("Invalid Input Error: No magic bytes found\nin x"))

    assert isinstance(full, RequestRefused)
    assert "raise the setting dataset_storage_mib, or ask for the engine spark" in str(full)
    assert isinstance(torn, SourceUnreadable)
    assert "No magic bytes found); run `line sources load`" in str(torn)


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


@settings(max_examples=10, phases=PHASES)
@given(
    seed=st.integers(0, 10**6),
    limit=st.sampled_from([1, 5, 20]),
    window=st.sampled_from([hours(1), hours(24), timedelta.max]),
    delay=st.sampled_from([timedelta(0), hours(25)]),
)
def test_rows_spread_over_slices_give_each_what_its_decisions_need(
    seed: int, limit: int, tmp_path_factory: pytest.TempPathFactory, **parts: Any
) -> None:
    """What the workers of the distributed engine do with the rows of hot entities: here some users are hot."""
    line, world = a_line(**parts), random_world(seed, events=100, decisions=30)
    folder = tmp_path_factory.mktemp("spread")
    lake = SmallLake(line, world, folder)
    plan = lake.plan({**ALL, "features": FEATURES})
    with connect(folder, memory_mib=256) as connection:
        reader = DuckdbReader(connection, lake.planned_files(plan))
        spine = select_decisions(plan, reader)
        for group in workload_of(line, FEATURES).timed:
            names, sight = timed_columns(group), sight_of(group.source, line.decision.boundary)
            decisions = Decisions(reader.codes({name: spine.keys[name] for name in group.keys}), spine.times)
            matched = reader.matched(group.source, group.keys, names)
            expected = evaluate(group.features, decisions, timed_rows(group, matched), sight)
            slots = slots_of_some(group, timed_rows(group, matched), decisions, limit)

            spread = spread_out(group, sight, slots, matched, decisions)

            entities = renumbered(decisions, slots)
            found = evaluate(group.features, Decisions(entities, decisions.times), timed_rows(group, spread), sight)
            for name, column in expected.items():
                assert_same_values(column, found[name])


def slots_of_some(group: TimedGroup, rows: Rows, decisions: Decisions, limit: int) -> dict[int, Slots]:
    """Slices of every second entity."""
    slots, first = dict[int, Slots](), int(decisions.entities.max()) + 1
    for code in range(0, first, 2):
        times = rows.times[rows.entities == code]
        if len(times):
            edges = np.linspace(times.min(), times.max() + 1, 50).astype(np.int64)
            counts = np.histogram(times, edges)[0]
            cuts = time_slices(edges, counts, overlap=overlap_of(group), limit=limit)
            slots[code] = Slots(first, np.array([cut.start for cut in cuts[1:]], np.int64))
            first += len(cuts)
    return slots


def spread_out(
    group: TimedGroup, sight: Sight, slots: dict[int, Slots], matched: Matched, decisions: Decisions
) -> Matched:
    spreading = Spreading(group, sight, slots, int(decisions.times.max(initial=0)))
    whole = np.ones(len(matched.codes), np.bool_)
    columns = {CODE: Column("int64", matched.codes, whole)}
    columns |= {f"c{n}": column for n, column in enumerate(matched.columns.values())}
    table = to_physical_table(columns)
    # No decision may see any row: then there is no batch either.
    spread = pa.Table.from_batches(spreading.batches(table.to_batches(max_chunksize=7)), table.schema)
    found = from_physical_table(spread, {CODE: "int64", **spreading.kinds})
    return Matched(found.pop(CODE).values, dict(zip(matched.columns, found.values(), strict=True)))


def assert_same_values(expected: Column, found: Column) -> None:
    assert found.valid.tolist() == expected.valid.tolist()
    if expected.kind == "float64":
        np.testing.assert_allclose(found.values[found.valid], expected.values[expected.valid], rtol=1e-9)
    else:
        assert found.values[found.valid].tolist() == expected.values[expected.valid].tolist()
