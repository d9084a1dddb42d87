"""Ten thousand requests to the online table get what the dataset has for exactly these decisions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line import days, hours
from assembly_line.declarations.lines import Line
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.files.session import connect
from assembly_line.features.online import preparing
from assembly_line.features.online.answering import features_of
from assembly_line.features.online.generations import Generation, PublishedSource
from assembly_line.features.online.preparing import prepared_items
from assembly_line.features.online.serving import served
from assembly_line.features.values.columns import Column
from assembly_line.features.values.plain_values import rounds, unequal
from assembly_line.storage.lake.online_table import OnlineTable
from tests.aws.features.online_world import TABLE, new_online_table
from tests.unit.features import flights_world
from tests.unit.features.random_worlds import USERS, random_world
from tests.unit.features.small_world import SmallLake, Tables, a_line

ASKED = [*USERS, "eve", "never seen"]
# Two worlds, the second from its median instant on: 3/2 * 10 users * 667 instants are 10,005 requests.
INSTANTS = 667
ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def table(aws: None) -> OnlineTable:
    return OnlineTable(new_online_table(), TABLE)


def world_of_requests(seed: int, *, instants: int, events: int = 600) -> Tables:
    """A random world in which every user, known or not, is decided on at each of so many instants, around edges."""
    world = dict(random_world(seed, events=events))
    chance = random.Random(seed)  # noqa: S311
    moments = [row[name] for row in (*world["events"], *world["late"]) for name in ("at", "known") if row[name]]
    steps = [timedelta(0), MICROSECOND, -MICROSECOND, hours(24), hours(24) + MICROSECOND, days(3), hours(1)]
    kinds = ["a", "B", None]
    world["visits"] = [
        {
            "visit": visit,
            "opens": chance.choice(moments) + chance.choice(steps),
            "first_day": None,
            "closes": None,
            "kind": chance.choice(kinds),
        }
        for visit in range(instants)
    ]
    world["invited"] = [{"user": user, "visit": visit} for visit in range(instants) for user in ASKED]
    world["daily"] = [{**row, "visit": chance.choice([None, *range(50)])} for row in 2 * list(world["daily"])]
    return world


def published(lake: SmallLake, table: OnlineTable, *, served_from: int, memory_mib: int = 64) -> Generation:
    """The lake's sources in the online table."""
    line = lake.line
    generation = Generation(
        line=line.name,
        release="0" * 64,
        served_from=served_from,
        sources={name: PublishedSource(snapshot=one.digest, newest=None) for name, one in lake.snapshots.items()},
    )
    files = {name: [Path(item.key) for item in one.objects] for name, one in lake.snapshots.items()}
    with connect(lake.folder, memory_mib=256) as connection:
        reader = DuckdbReader(connection, files)
        rows = {name: one.rows for name, one in lake.snapshots.items()}
        table.write(prepared_items(line, generation, reader, rows=rows, memory_mib=memory_mib), expires_at=EXPIRES)
    return generation


def asked(line: Line, dataset: Mapping[str, Column], rows: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The decisions of a dataset as questions to the online table."""
    return {
        "keys": {name: dataset[name].take(rows) for name in line.decision.keys},
        "times": dataset["decision_time"].values[rows],
        "features": list(line.features),
    }


def mismatches(line: Line, found: Mapping[str, Column], expected: Mapping[str, Column]) -> list[str]:
    return [
        name
        for name in line.features
        if unequal(found[name], expected[name], rounded=rounds(line, name)).any()
        or found[name].kind != expected[name].kind
    ]


@dataclass(frozen=True)
class Replay:
    """One world asked: the line's settings, and from which share of its instants on it is served."""

    line: Line
    seed: int
    served_from: float


REPLAYS = {
    "everything is held": Replay(a_line(window=hours(24), delay=hours(1)), 11, 0.0),
    "what no longer matters is gone": Replay(a_line(boundary="at_or_before", window=hours(1)), 12, 0.5),
}


@pytest.mark.parametrize("name", REPLAYS)
def test_ten_thousand_requests_get_what_the_dataset_has(
    name: str, table: OnlineTable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the few rows of this world come in several parts and chunks.
    monkeypatch.setattr(preparing, "LARGEST", 2_000)
    monkeypatch.setattr(preparing, "BYTES_HELD", 20_000)
    replay = REPLAYS[name]
    lake = SmallLake(replay.line, world_of_requests(replay.seed, instants=INSTANTS), tmp_path)
    dataset = lake.build(ALL, tmp_path / "data.parquet")
    times = dataset["decision_time"].values
    served_from = int(np.quantile(times, replay.served_from, method="lower"))
    generation = published(lake, table, served_from=served_from)
    rows = np.flatnonzero(times >= served_from)

    found = features_of(replay.line, generation, table, **asked(replay.line, dataset, rows))

    assert len(rows) >= len(ASKED) * INSTANTS * (1 - replay.served_from)
    assert mismatches(replay.line, found, {name: column.take(rows) for name, column in dataset.items()}) == []


def test_features_by_several_entities_are_served_as_a_dataset_has_them(table: OnlineTable, tmp_path: Path) -> None:
    """Also where a key is null, or two entities share a key column."""
    whole = flights_world.a_line()
    line = replace(whole, features={name: whole.features[name] for name in served(whole)})
    lake = SmallLake(line, flights_world.random_flights(6, flights=300, landings=400), tmp_path)
    dataset = lake.build(ALL, tmp_path / "data.parquet")
    generation = published(lake, table, served_from=int(dataset["decision_time"].values.min()))
    rows = np.arange(len(dataset["decision_time"]))

    found = features_of(line, generation, table, **asked(line, dataset, rows))

    assert len(line.features) > 15
    assert mismatches(line, found, dataset) == []
