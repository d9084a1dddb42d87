"""Outcomes of given decisions: nothing before maturity, absence only where the source reaches that far."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from assembly_line import hours
from assembly_line.decision_ids import KeyValue
from assembly_line.features.engines.outcomes import derive, sources_of
from assembly_line.features.values.columns import Column
from assembly_line.instants import from_micros
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import SmallLake, a_line, values_of, write_rows

AT = datetime(2017, 5, 1, 12, tzinfo=UTC)
END = AT + hours(30)
MICROSECOND = timedelta(microseconds=1)
Decisions = list[tuple[Mapping[str, KeyValue], datetime]]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, list[Path]]:
    """Ada came on 1 May: in New York that day ends at 4:00 UTC on the second."""
    path = tmp_path / "daily.parquet"
    rows = [
        {"user": "ada", "visit": 1, "on": date(2017, 5, 1), "n": 1},
        {"user": "bob", "visit": 1, "on": date(2017, 5, 9), "n": 1},
    ]
    write_rows(a_line().sources["daily"], rows, path)
    return {"daily": [path]}


@pytest.mark.parametrize(
    ("as_of", "covered", "values"),
    [
        (END, END, [1, 0, 0]),
        (END - MICROSECOND, END, [None, None, None]),
        (END, END - MICROSECOND, [None, None, None]),
        (END, None, [None, None, None]),
    ],
)
def test_an_outcome_is_known_at_maturity_and_not_before(
    files: dict[str, list[Path]], as_of: datetime, covered: datetime | None, values: list[int | None]
) -> None:
    decisions: Decisions = [
        ({"user": user, "visit": visit}, AT) for user, visit in (("ada", 1), ("ada", 2), ("bob", 1))
    ]

    found = derive(a_line(horizon=hours(30)), decisions, as_of=as_of, covered_until=covered, files=files)

    assert [outcome.value for outcome in found] == values
    assert {outcome.mature_at for outcome in found} == {END}
    assert {outcome.mature for outcome in found} == {values[0] is not None}


def test_an_unknown_end_of_the_horizon_never_matures(files: dict[str, list[Path]], tmp_path: Path) -> None:
    line = a_line()
    path = tmp_path / "visits.parquet"
    visit = {"visit": 1, "opens": AT, "first_day": None, "closes": None, "kind": None}
    write_rows(line.sources["visits"], [visit], path)
    decisions: Decisions = [({"user": "ada", "visit": 1}, AT), ({"user": "ada", "visit": 7}, AT)]
    later = AT + timedelta(days=999)

    found = derive(line, decisions, as_of=later, covered_until=later, files={**files, "visits": [path]})

    assert sources_of(line) == ["daily", "visits"]
    assert [(outcome.mature, outcome.mature_at, outcome.value) for outcome in found] == [(False, None, None)] * 2


def test_no_decisions_have_no_outcomes() -> None:
    assert derive(a_line(), [], as_of=AT, covered_until=AT, files={}) == []


def test_outcomes_derived_later_are_those_of_a_training_set(tmp_path: Path) -> None:
    line, world = a_line(), random_world(21, events=400)
    lake = SmallLake(line, world, tmp_path)
    as_of = datetime(2017, 12, 1, tzinfo=UTC)
    columns = lake.build({"purpose": "training", "as_of": as_of.isoformat()}, tmp_path / "data.parquet")
    names = (*line.decision.keys, "decision_time")
    known = [
        dict(zip(names, row, strict=True)) for row in zip(*(values_of(columns[name]) for name in names), strict=True)
    ]
    decisions = [({key: row[key] for key in line.decision.keys}, row["decision_time"]) for row in known]
    folder = tmp_path / "fetched"
    files = {}
    for source in sources_of(line):
        (folder / source).mkdir(parents=True)
        objects = lake.snapshots[source].objects
        files[source] = [Path(shutil.copy(item.key, folder / source)) for item in objects]

    found = derive(line, decisions, as_of=as_of, covered_until=lake.snapshots["daily"].newest, files=files)

    came: Column = columns["came"]
    assert [outcome.value for outcome in found] == came.values.tolist()
    assert set(came.values.tolist()) == {0, 1}
    assert from_micros(0) < min(outcome.mature_at for outcome in found if outcome.mature_at) <= as_of
