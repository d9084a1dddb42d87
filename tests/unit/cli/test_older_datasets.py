"""A dataset of an older version of the semantics is said to be one: neither faulty for it nor taken for equal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.record.manifest import logical_digest
from assembly_line.features.values.semantics import SEMANTICS_VERSION
from tests.unit.cli.released_world import NAME, PreparedSources, open_world

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

OLDER = SEMANTICS_VERSION - 1
SAID = f"was built under version {OLDER} of the semantics, and version {SEMANTICS_VERSION} is in force here"


@pytest.fixture(scope="module")
def pair(shared_target: Target, prepared: PreparedSources, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Two datasets: one as an older version gave it, every count greater by one, and one of the version in force."""
    target = shared_target
    with open_world(target, prepared) as world:
        older, newer = str(world.build()["dataset_id"]), str(world.build(to="2017-11-05T12:00:00Z")["dataset_id"])
        path = tmp_path_factory.mktemp("older") / "data.parquet"
        folder = f"datasets/{NAME}/{older}/"
        manifest, plan = (target.store.read_json(f"{folder}{name}.json") for name in ("manifest", "plan"))
        key = target.store.key_of(manifest["data_uri"])
        raw = path.with_name("stored.parquet")
        raw.write_bytes(target.store.read(key))
        rows = duckdb.read_parquet(str(raw)).project("* REPLACE (events_count + 1 AS events_count)")
        rows.write_parquet(str(path))
        before = {name: target.store.read(f"{folder}{name}.json") for name in ("manifest", "plan")}
        target.store.write(key, path.read_bytes())
        changed = {**manifest, "semantics": OLDER, "logical_digest": logical_digest(read_dataset(path))}
        target.store.write_json(f"{folder}manifest.json", changed)
        target.store.write_json(f"{folder}plan.json", {**plan, "semantics": OLDER})
        yield target, older, newer
        target.store.write(key, raw.read_bytes())
        for name, content in before.items():
            target.store.write(f"{folder}{name}.json", content)


@pytest.fixture
def target(pair: Any) -> Target:
    found: Target = pair[0]
    return found


def test_verify_says_that_the_version_differs_and_finds_no_fault(pair: Any, line: Command) -> None:
    _, older, newer = pair

    answer = line("dataset", "verify", older, "--json")

    assert answer.code == ExitCode.OK, answer.err
    found = json.loads(answer.out)
    assert found["semantics"] == {"dataset": OLDER, "here": SEMANTICS_VERSION}
    assert found["equal"] is False
    assert set(found["values"]) == {"events_count"}
    assert SAID in " ".join(answer.err.split())
    assert "load its sources again and request it again" in " ".join(answer.err.split())
    assert f"version {OLDER}, here {SEMANTICS_VERSION}" in line("dataset", "verify", older).out
    assert "semantics" not in line("dataset", "verify", newer).err


def test_verify_still_fails_where_stored_rows_are_not_those_of_the_manifest(pair: Any, line: Command) -> None:
    target, older, _ = pair
    key = f"datasets/{NAME}/{older}/manifest.json"
    manifest = target.store.read_json(key)
    target.store.write_json(key, {**manifest, "logical_digest": "0" * 64})

    answer = line("dataset", "verify", older)

    target.store.write_json(key, manifest)
    assert answer.code == ExitCode.RUN_FAILED
    assert "stored rows are those of the manifest" in answer.err
    assert "values are equal" not in answer.err


def test_diff_names_both_versions(pair: Any, line: Command) -> None:
    _, older, newer = pair

    answer = line("dataset", "diff", older, newer, "--json")

    assert answer.code == ExitCode.OK, answer.err
    assert json.loads(answer.out)["request"]["semantics"] == [OLDER, SEMANTICS_VERSION]
    assert f"Dataset {older} {SAID}" in " ".join(answer.err.split())
    assert f"Dataset {newer} was built" not in answer.err


def test_an_explanation_by_newer_rules_says_so(pair: Any, line: Command, tmp_path: Path) -> None:
    target, older, _ = pair
    manifest = target.store.read_json(f"datasets/{NAME}/{older}/manifest.json")
    path = tmp_path / "data.parquet"
    path.write_bytes(target.store.read(target.store.key_of(manifest["data_uri"])))
    decision = duckdb.read_parquet(str(path)).project("decision_id").fetchall()[0][0]

    answer = line("dataset", "explain", older, decision, "events_count", "--json")

    assert answer.code == ExitCode.OK, answer.err
    assert json.loads(answer.out)["equal"] is False
    assert SAID in " ".join(answer.err.split())


def test_a_plan_that_is_not_understood_any_more_is_refused_with_what_to_do(pair: Any, line: Command) -> None:
    target, older, _ = pair
    key = f"datasets/{NAME}/{older}/plan.json"
    plan = target.store.read_json(key)
    target.store.write_json(key, {**plan, "semantics": SEMANTICS_VERSION + 1})

    answer = line("dataset", "verify", older)

    target.store.write_json(key, plan)
    assert answer.code == ExitCode.REFUSED
    assert "cannot be read under version" in " ".join(answer.err.split())
    assert "request it again" in " ".join(answer.err.split())
