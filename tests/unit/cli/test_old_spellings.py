"""Spellings of before the field words: they do what the new ones do, name these, and are listed nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from lambdas.dataset import handler, model_inputs
from tests.unit.cli.released_world import NAME, PreparedSources, open_world, step

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command


@pytest.fixture(scope="module")
def target(shared_target: Target) -> Target:
    return shared_target


@pytest.fixture(scope="module")
def dataset_id(target: Target, prepared: PreparedSources) -> str:
    """A dataset with model inputs."""
    request = {"line": NAME, "purpose": "training", "as_of": "2018-01-01", "model": {"type": "linear"}}
    with open_world(target, prepared):
        plan = step(handler.plan, request)
        dataset = step(handler.finish, {"plan_key": plan["plan_key"], "built": step(handler.build, plan)})
        event = {"plan_key": plan["plan_key"], "model": plan["model"], "dataset": dataset}
        return str(step(model_inputs.prepare_inputs, event)["dataset_id"])


def test_shapes_lists_model_inputs(line: Command, dataset_id: str) -> None:
    old, new = line("dataset", "shapes", dataset_id, "--json"), line("dataset", "inputs", dataset_id, "--json")

    assert (old.code, json.loads(old.out)) == (ExitCode.OK, json.loads(new.out))
    assert "`line dataset shapes` is now `line dataset inputs`; the next release drops the old name." in old.err
    assert "is now" not in new.err


def test_shape_chooses_model_inputs(line: Command, dataset_id: str, tmp_path: Path) -> None:
    old = line("dataset", "get", dataset_id, "--shape", "sh-", "--to", str(tmp_path / "old"))
    new = line("dataset", "get", dataset_id, "--inputs", "sh-", "--to", str(tmp_path / "new"))

    assert (old.code, new.code) == (ExitCode.OK, ExitCode.OK), old.err + new.err
    assert "`--shape` is now `--inputs`; the next release drops the old name." in old.err
    assert {path.name for path in (tmp_path / "old").iterdir()} == {path.name for path in (tmp_path / "new").iterdir()}


def test_help_names_the_new_spellings_alone(line: Command) -> None:
    commands, options = line("dataset", "--help").out, line("dataset", "get", "--help").out

    assert "inputs" in commands
    assert "shapes" not in commands
    assert "--inputs" in options
    assert "--shape" not in options
