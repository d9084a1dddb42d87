"""From raw events to a model's targets: forecasts and survival times, counted again from the events themselves."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assembly_line import Decision, Generated, Line, Outcome, count, days, every, hours
from assembly_line.errors import RequestRefused
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model_inputs.facts import facts_of
from assembly_line.features.model_inputs.preparing import PreparedFold, prepare_inputs
from assembly_line.features.record.manifest import logical_digest
from assembly_line.features.values.columns import Column
from assembly_line.instants import from_micros
from tests.unit.features.model_inputs.invented import spec, values_of
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import EVENTS, USER, SmallLake, Tables, a_line

STEP = hours(1)
PEOPLE = a_line().sources["people"]


def line_with(start: datetime, **outcome: Any) -> Line:
    line = a_line()
    spine = Generated(population=PEOPLE, cadence=every(STEP, anchor=start))
    return replace(
        line,
        decision=Decision(name="look", entities=(USER,), spine=spine),
        features={"events_count": count(EVENTS, window=days(1))},
        outcome=Outcome(name="came", source=EVENTS, by=(USER,), **outcome),
        training=replace(line.training, baseline="events_count"),
    )


def world_of(seed: int) -> tuple[Tables, datetime, datetime]:
    """Events without a null key or time, and the first and last of their times."""
    world = dict(random_world(seed, events=150))
    world["events"] = [row for row in world["events"] if row["user"] and row["at"]]
    world["people"] = list({row["user"]: row for row in world["people"] if row["user"]}.values())
    times = [row["at"] for row in world["events"]]
    return world, min(times), max(times)


def prepared(line: Line, world: Tables, period: Sequence[datetime], model: dict[str, Any]) -> list[PreparedFold]:
    since, until, as_of = (instant.isoformat() for instant in period)
    with tempfile.TemporaryDirectory() as place:
        lake = SmallLake(line, world, Path(place))
        plan = lake.plan({"purpose": "training", "from": since, "to": until, "as_of": as_of, "model": model})
        target = Path(place) / "data.parquet"
        build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
        columns = read_dataset(target)
    found = {"logical_digest": logical_digest(columns), "as_of": as_of, "rows": len(columns["decision_id"])}
    return list(prepare_inputs(columns, facts_of(plan, found), spec(**model)).folds)


def rows_of(fold: PreparedFold, part: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    (found,) = (one for one in fold.parts if one.name == part)
    columns: list[Column] = [found.columns[name] for name in names]
    return list(zip(*map(values_of, columns), strict=True))


@pytest.mark.parametrize("seed", [3, 4])
def test_a_forecast_is_the_number_of_events_of_later_steps(seed: int) -> None:
    world, first, last = world_of(seed)
    line = line_with(first, measure="count", horizon=STEP)
    model = {"type": "forecasting", "horizon": 3, "gap": 1, "split": {"holdout": 0.4}}
    arrivals = [(row["user"], row["at"]) for row in world["events"]]

    (fold,) = prepared(line, world, (first, last, last + days(2)), model)

    compared: Counter[str] = Counter()
    latest_known: dict[str, datetime] = {}
    for part in ("train", "test"):
        for user, micros, *targets in rows_of(fold, part, ["user", "decision_time", "came.2", "came.3", "came.4"]):
            origin = from_micros(micros)
            for step, target in enumerate(targets, start=1):
                begin = origin + step * STEP
                assert target == sum(who == user and begin < at <= begin + STEP for who, at in arrivals)
                compared[part] += int(target > 0)
            latest_known[part] = max(latest_known.get(part, first), origin + 4 * STEP)
    assert min(compared[part] for part in ("train", "test")) > 0
    (test,) = (part for part in fold.parts if part.name == "test")
    assert latest_known["train"] <= from_micros(int(test.ids["decision_time"].values.min()))


def test_survival_times_are_those_of_the_first_event_or_of_the_end_of_observation() -> None:
    world, first, last = world_of(5)
    line = line_with(first, measure="time_to_event", horizon=hours(4))
    model = {"type": "survival", "target": "aft", "split": {"holdout": 0.5}}
    arrivals = [(row["user"], row["at"]) for row in world["events"]]

    (fold,) = prepared(line, world, (first, last - hours(8), last + days(2)), model)

    (ids,) = (part.ids for part in fold.parts if part.name == "train")
    (taken,) = (part for part in fold.parts if part.name == "train")
    rows = list(zip(*(values_of(taken.columns[f"came.{end}_days"]) for end in ("lower", "upper")), strict=True))
    times = [from_micros(micros) for micros in ids["decision_time"].values.tolist()]
    expected: Counter[tuple[float, float]] = Counter()
    for time in sorted(set(times)):
        for person in world["people"]:
            waits = [at - time for who, at in arrivals if who == person["user"] and time < at <= time + hours(4)]
            lower = min(waits, default=hours(4)) / timedelta(days=1)
            expected[lower, lower if waits else float("inf")] += 1
    assert Counter(rows) == expected
    assert len({upper == float("inf") for _, upper in rows}) == 2


def test_an_outcome_that_says_not_when_is_no_survival_time() -> None:
    world, first, last = world_of(5)

    with pytest.raises(RequestRefused, match=r'came of line \w+ is numeric; declare it with measure="time_to_event"'):
        prepared(line_with(first, measure="count", horizon=STEP), world, (first, last, last), {"type": "survival"})
    balanced = {"type": "linear", "balance": "weights"}
    with pytest.raises(RequestRefused, match=r"model\.balance: weights weighs an outcome that is there or not"):
        prepared(line_with(first, measure="count", horizon=STEP), world, (first, last, last), balanced)
