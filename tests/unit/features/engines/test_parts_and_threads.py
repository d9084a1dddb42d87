"""How the kernel cuts its work and on how many threads it does it changes no answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line.decision_ids import decision_id
from assembly_line.features.engines.decision_id_sql import columns_of_times, decision_id_sql
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.features.files.session import THREADS, connect, write_parquet
from assembly_line.features.kernel import evaluation
from assembly_line.features.spine.many_decision_ids import decision_ids
from assembly_line.features.values.columns import Column, column_of
from assembly_line.features.values.ordering import order_of, packed_keys, sorted_with_places
from assembly_line.instants import from_micros
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import random_world
from tests.unit.features.reference import dataset
from tests.unit.features.small_world import SmallLake, a_line, rows_of

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}


@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_parts_of_any_size_give_what_the_rules_say(rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "PART_ROWS", rows)
    line, world = a_line(), random_world(21, events=200, decisions=90)

    found = SmallLake(line, world, tmp_path).build(ALL, tmp_path / "data.parquet")

    assert THREADS > 1
    assert_equal(line, rows_of(found), dataset(line, world, list(line.features)))


def test_a_sum_over_what_is_not_known_yet_is_no_overflow(tmp_path: Path) -> None:
    """Two rows whose sum exceeds int64, of which a decision knows one."""
    world = random_world(22)
    at = next(row["at"] for row in world["late"] if row["at"])
    event = {**world["late"][0], "user": "ada", "at": at, "known": at, "n": 2**62}
    unknown = {**event, "known": None}
    one = {**world, "late": [event, unknown, unknown], "invited": [{"user": "ada", "visit": n} for n in range(1, 9)]}
    line = a_line()

    found = SmallLake(line, one, tmp_path).build({**ALL, "features": ["late_sum_n"]}, tmp_path / "data.parquet")

    assert set(rows_of(found)[0]) >= {"late_sum_n"}
    assert {row["late_sum_n"] for row in rows_of(found)} <= {None, 2**62}


def test_keys_that_fit_no_64_bits_are_sorted_all_the_same() -> None:
    chance = np.random.default_rng(3)
    keys = [chance.integers(-3, 3, 500), chance.integers(-(2**62), 2**62, 500), chance.integers(0, 9, 500)]

    assert packed_keys(keys) is None
    assert sorted_with_places(keys) is None
    assert order_of(keys).tolist() == sorted(range(500), key=lambda row: tuple(int(key[row]) for key in keys))


@pytest.mark.parametrize("rows", [0, 1, 2, 900])
@pytest.mark.parametrize("unit", [1, 1_000_000, 2**55], ids=["microseconds", "seconds", "huge"])
@pytest.mark.parametrize("runs", [1, 3, 900], ids=["sorted", "nearly", "not"])
@pytest.mark.parametrize("entities", [3, 2**17, 2**40], ids=["few", "many", "most"])
def test_rows_are_sorted_by_entity_and_time_whichever_way_is_quick(
    rows: int, unit: int, runs: int, entities: int
) -> None:
    chance = np.random.default_rng(rows + runs)
    times = chance.integers(-50, 50, rows) * unit - 7
    for part in np.array_split(np.arange(rows), runs):
        times[part] = np.sort(times[part])
    keys = [chance.integers(-1, entities, rows), times]

    order = order_of(keys)

    assert sorted(order.tolist()) == list(range(rows))
    assert [(int(keys[0][row]), int(times[row])) for row in order] == sorted(
        zip(keys[0].tolist(), times.tolist(), strict=True)
    )


def test_keys_that_fit_are_sorted_with_their_places() -> None:
    chance = np.random.default_rng(4)
    keys = [chance.integers(-3, 3, 500), chance.integers(-(2**30), 2**30, 500) // 2**28]
    expected = sorted(range(500), key=lambda row: (*(int(key[row]) for key in keys), row))

    found = sorted_with_places(keys)

    assert found is not None
    assert found[1].tolist() == expected
    assert [tuple(int(key[row]) for key in keys) for row in order_of(keys).tolist()] == [
        tuple(int(key[row]) for key in keys) for row in expected
    ]


@pytest.mark.parametrize("kinds", [{"a": "int64", "b": "boolean"}, {"n": "int64", "s": "string", "b": "boolean"}])
def test_ids_of_many_decisions_are_those_of_one(kinds: dict[str, str], tmp_path: Path) -> None:
    texts = ["a", "\u00e9", "\U0001f600", "x" * 127, "x" * 128, "\u00e9" * 70_000, "a\x00b", "it's", "  "]
    samples: dict[str, list[Any]] = {
        "int64": [0, -1, 2**63 - 1, -(2**63), 7, 10],
        "string": texts,
        "boolean": [True, False],
    }
    rows = [(n, tuple(samples[kind][n % len(samples[kind])] for kind in kinds.values())) for n in range(30)]
    times = [1_500_000_000_000_000 + n * 86_399_999_999 - (n % 3 == 0) * 10**16 // 7 for n in range(30)]
    columns = {
        name: column_of(kind, [row[1][place] for row in rows]) for place, (name, kind) in enumerate(kinds.items())
    }
    columns["decision_time"] = column_of("timestamp", times)

    with connect(tmp_path, memory_mib=256) as connection:
        heads = columns_of_times(connection, "my_line", columns["decision_time"].values)
        first = {"decision_id": decision_id_sql(kinds)}
        write_parquet(connection, columns, tmp_path / "ids.parquet", first=first, beside=heads)

    expected = [
        decision_id("my_line", list(zip(kinds, values, strict=True)), from_micros(time))
        for (_, values), time in zip(rows, times, strict=True)
    ]
    assert read_columns(tmp_path / "ids.parquet", ["decision_id"])["decision_id"] == expected
    keys = {name: columns[name] for name in kinds}
    assert decision_ids("my_line", keys, columns["decision_time"].values).values.tolist() == expected


def test_a_decision_with_a_null_key_has_no_id(tmp_path: Path) -> None:
    kinds = {"n": "int64", "s": "string"}
    columns = {"n": column_of("int64", [1, None, 2]), "s": column_of("string", ["a", "b", None])}
    times = column_of("timestamp", [0, 0, 0])

    with connect(tmp_path, memory_mib=256) as connection:
        heads = columns_of_times(connection, "my_line", times.values)
        first = {"decision_id": decision_id_sql(kinds)}
        write_parquet(connection, columns, tmp_path / "ids.parquet", first=first, beside=heads)
    written = read_columns(tmp_path / "ids.parquet", ["decision_id"])["decision_id"]

    assert [identity is None for identity in written] == [False, True, True]
    assert decision_ids("my_line", columns, times.values).valid.tolist() == [True, False, False]


def test_rows_are_written_in_their_order_by_several_threads(tmp_path: Path) -> None:
    """Seven row groups, of which each thread writes some."""
    rows = 800_000
    whole = np.ones(rows, np.bool_)
    columns = {"n": Column("int64", np.arange(rows), whole), "m": Column("int64", np.arange(rows) % 7, whole)}

    with connect(tmp_path, memory_mib=512) as connection:
        write_parquet(connection, columns, tmp_path / "rows.parquet", first={"hash": "sha256(CAST(n AS VARCHAR))"})

    assert read_columns(tmp_path / "rows.parquet", ["n"])["n"] == list(range(rows))
