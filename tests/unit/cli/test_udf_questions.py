"""Datasets with expressions, views and UDFs: planned, built from what was released, explained and verified."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.names import release_code_prefix
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.models.releases import ReleaseStore
from lambdas.dataset import handler
from tests.unit.cli.released_world import NAME, YEAR, PreparedSources, ReleasedWorld, open_world, step
from tests.unit.features.udf_world import SCRIPTS
from tests.unit.features.view_world import with_udf_over_a_view

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

FEATURES = ["events_count", "whole_count", "whole_latest_s", "day_visits", "share", "story"]


@pytest.fixture(scope="module")
def target(shared_target: Target) -> Target:
    return shared_target


@pytest.fixture(scope="module", autouse=True)
def world(target: Target, prepared: PreparedSources) -> Iterator[ReleasedWorld]:
    with open_world(target, prepared, with_udf_over_a_view(), SCRIPTS) as opened:
        yield opened


@pytest.fixture(scope="module")
def dataset(world: ReleasedWorld, target: Target, tmp_path_factory: pytest.TempPathFactory) -> str:
    return built_elsewhere(target, tmp_path_factory.mktemp("built"))


def built_elsewhere(target: Target, folder: Path) -> str:
    """A dataset as the Spark job leaves it: built from the plan, the lake and the released scripts alone."""
    planned = step(handler.plan, {"line": NAME, **YEAR, "features": FEATURES})
    assert planned["engine"] == "spark"
    datasets, releases = DatasetStore(target.store), ReleaseStore(target.store)
    plan = datasets.read_plan(planned["plan_key"])
    lake = Lake(target.lake)
    files = {name: lake.fetch_objects(name, part.objects, folder) for name, part in plan.inputs.items()}
    scripts = releases.read_scripts(plan.release, plan.scripts)
    result = build_on_duckdb(plan, files, folder / "data.parquet", memory_mib=512, scripts=scripts)
    data_key = datasets.write_data(NAME, plan.dataset_id, folder / "data.parquet")
    datasets.write_spark_attempt(plan, {**result.to_json(), "data_key": data_key, "seconds": 1.0})
    step(handler.finish, {"plan_key": planned["plan_key"], "built": None})
    return plan.dataset_id


def answered(line: Command, *arguments: str) -> Any:
    answer = line(*arguments, "--json")
    assert answer.code == ExitCode.OK, answer.err
    return json.loads(answer.out)


def test_values_are_explained_and_the_dataset_verified(
    target: Target, dataset: str, line: Command, tmp_path: Path
) -> None:
    wanted = decision_with_a_long_story(target, dataset, tmp_path)

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


def decision_with_a_long_story(target: Target, dataset: str, folder: Path) -> str:
    """A decision whose story has several events."""
    path = folder / "data.parquet"
    uri = DatasetStore(target.store).manifest(NAME, dataset)["data_uri"]
    target.store.download(target.store.key_of(uri), path)
    rows = duckdb.read_parquet(str(path)).filter("contains(story, '|')").order("decision_id")
    return str(rows.project("decision_id").fetchall()[0][0])


@pytest.fixture
def altered_script(target: Target) -> Iterator[None]:
    key = release_code_prefix(target.control.current_release(NAME)) + "features.py"
    before = target.store.read(key)
    target.store.write(key, b"raise SystemExit")
    yield
    target.store.write(key, before)


def test_an_altered_script_is_not_run(dataset: str, altered_script: None, line: Command) -> None:
    answer = line("dataset", "verify", dataset)

    assert answer.code != ExitCode.OK
    assert "script features.py is altered" in answer.err


def test_views_are_listed_with_what_they_are_made_of(line: Command) -> None:
    found = answered(line, "features", "describe", NAME, "whole_count")

    (source,) = found["read_from"]
    assert source["inputs"] == ["events", "late", "people"]
    assert source["newest_event"] == found["freshness"]["whole"] is not None
    assert "a view over events, late, people" in " ".join(line("features", "describe", NAME, "whole_count").out.split())
