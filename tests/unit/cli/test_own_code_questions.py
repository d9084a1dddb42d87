"""Datasets with expressions, views and own functions: planned, built from what was released, explained and verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.features.engine_duckdb import build
from assembly_line.names import release_code_prefix
from assembly_line.storage.datasets import DatasetStore
from assembly_line.storage.lake import Lake
from assembly_line.storage.releases import ReleaseStore
from lambdas.dataset import handler
from lambdas.dataset.stores import stores
from tests.unit.cli.released_world import NAME, YEAR, ReleasedWorld, environment_variables, step
from tests.unit.features.own_world import SCRIPTS
from tests.unit.features.view_world import with_own_function_over_a_view

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

FEATURES = ["events_count", "whole_count", "whole_latest_s", "day_visits", "share", "story"]


@pytest.fixture
def world(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReleasedWorld]:
    for variable, value in environment_variables().items():
        monkeypatch.setenv(variable, value)
    stores.cache_clear()
    yield ReleasedWorld(target, tmp_path, with_own_function_over_a_view(), SCRIPTS)
    stores.cache_clear()


def built_elsewhere(target: Target, folder: Path) -> str:
    """A dataset as the Spark job leaves it: built from the plan, the lake and the released scripts alone."""
    planned = step(handler.plan, {"line": NAME, **YEAR, "features": FEATURES})
    assert planned["engine"] == "spark"
    datasets, releases = DatasetStore(target.store), ReleaseStore(target.store)
    plan = datasets.read_plan(planned["plan_key"])
    lake = Lake(target.lake)
    files = {name: lake.fetch_objects(name, part.objects, folder) for name, part in plan.inputs.items()}
    scripts = releases.read_scripts(plan.release, plan.scripts)
    result = build(plan, files, folder / "data.parquet", memory_mib=512, scripts=scripts)
    data_key = datasets.write_data(NAME, plan.dataset_id, folder / "data.parquet")
    datasets.write_spark_attempt(plan, {**result.to_json(), "data_key": data_key, "seconds": 1.0})
    step(handler.finish, {"plan_key": planned["plan_key"], "built": None})
    return plan.dataset_id


def answered(line: Command, *arguments: str) -> Any:
    answer = line(*arguments, "--json")
    assert answer.code == ExitCode.OK, answer.err
    return json.loads(answer.out)


def test_values_are_explained_and_the_dataset_verified(
    world: ReleasedWorld, target: Target, line: Command, tmp_path: Path
) -> None:
    dataset = built_elsewhere(target, tmp_path)
    wanted = world_decision(line, dataset)

    verified = answered(line, "dataset", "verify", dataset)
    found = {name: answered(line, "dataset", "explain", dataset, wanted, name) for name in FEATURES}

    assert verified["equal"] is True
    assert verified["columns_compared"] == len(FEATURES) + 3
    assert all(one["equal"] for one in found.values())
    assert found["whole_count"]["value"] == len(found["whole_count"]["events"]) > 0
    assert found["story"]["value"].count("|") + 1 == len(found["story"]["events"])
    assert [part["feature"] for part in found["share"]["parts"]] == ["events_count", "whole_count"]
    text = " ".join(line("dataset", "explain", dataset, wanted, "share").out.split())
    assert "events_count / whole_count" in text
    assert "of whole behind it" in text


def world_decision(line: Command, dataset: str) -> str:
    """A decision whose story has several events."""
    for user in ("ada", "Ada", "bob"):
        for visit in range(1, 9):
            answer = line("dataset", "explain", dataset, f"user={user},visit={visit}", "story", "--json")
            if answer.code == ExitCode.OK and "|" in (json.loads(answer.out)["value"] or ""):
                return str(json.loads(answer.out)["decision_id"])
    raise AssertionError("no decision has a story")


def test_an_altered_script_is_not_run(world: ReleasedWorld, target: Target, line: Command, tmp_path: Path) -> None:
    dataset = built_elsewhere(target, tmp_path)
    release = target.control.current_release(NAME)
    target.store.write(release_code_prefix(release) + "features.py", b"raise SystemExit")

    answer = line("dataset", "verify", dataset)

    assert answer.code != ExitCode.OK
    assert "script features.py is altered" in answer.err


def test_views_are_listed_with_what_they_are_made_of(world: ReleasedWorld, line: Command) -> None:
    found = answered(line, "features", "describe", NAME, "whole_count")

    (source,) = found["read_from"]
    assert source["inputs"] == ["events", "late", "people"]
    assert source["newest_event"] == found["freshness"]["whole"] is not None
    assert "a view over events, late, people" in " ".join(line("features", "describe", NAME, "whole_count").out.split())
