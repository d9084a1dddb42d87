"""Model inputs by the command line: asked for, listed, fetched; what there cannot be is refused before it starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.cli.views.model_inputs import inputs_in_words
from assembly_line.stations import DATASET
from lambdas.dataset import handler, model_inputs
from tests.unit.cli.released_world import NAME, PreparedSources, ReleasedWorld, open_world, step

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

ASKED = ("dataset", "build", NAME, "--as-of", "2018-01-01")


@pytest.fixture(scope="module")
def target(shared_target: Target) -> Target:
    return shared_target


@pytest.fixture(scope="module", autouse=True)
def world(target: Target, prepared: PreparedSources) -> Iterator[ReleasedWorld]:
    with open_world(target, prepared) as opened:
        yield opened


def started(target: Target, line: Command, *options: str) -> dict[str, Any]:
    """The request with which the machine was started."""
    answer = line(*ASKED, *options, "--no-wait", "--json")
    assert answer.code == ExitCode.OK, answer.err
    arn = json.loads(answer.out)["execution_arn"]
    return dict(json.loads(target.client("stepfunctions").describe_execution(executionArn=arn)["input"]))


def test_options_and_a_file_say_the_same_model_spec(target: Target, line: Command, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text('{"type": "ranking", "group": ["user"], "qid": true, "split": {"boundary": "2017-06-01"}}')
    options = ("--set", "group=user", "--set", "qid=true", "--set", "split.boundary=2017-06-01")

    model = started(target, line, "--for", "ranking", *options)["model"]

    assert model == started(target, line, "--model", str(file))["model"]
    assert (model["group"], model["qid"], model["split"]["boundary"]) == (["user"], True, "2017-06-01T00:00:00.000000Z")
    split = started(target, line, "--for", "linear", "--set", "holdout=0.3", "--set", "keep_together=user,visit")[
        "model"
    ]
    assert (split["split"]["holdout"], split["split"]["keep_together"]) == (0.3, ["user", "visit"])
    assert "model" not in started(target, line)


def test_a_dataset_run_keeps_the_release_that_it_was_started_with(target: Target, line: Command) -> None:
    assert started(target, line)["release"] == target.control.current_release(ASKED[2])


REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("--for", "linear", "--set", "holdout=1.5"), "model.split.holdout: 1.5"),
    (("--for", "linear", "--set", "holdout"), "--set 'holdout': expected name=value"),
    (("--for", "forest"), "model.type: 'forest'"),
    (("--set", "holdout=0.5"), "say with --for"),
    (("--for", "ranking", "--set", "group=colour"), "model.group: 'colour': expected key columns"),
    (("--for", "ranking"), "model.group: is missing; expected key columns of the decision, or decision_time"),
    (("--for", "forecasting"), "model.horizon: is missing; expected how many steps are forecast"),
    (("--for", "survival"), "model.type: survival needs to know when"),
    (("--for", "linear", "--purpose", "scoring", "--from", "2017-01-01", "--to", "2017-02-01"), "has no outcome"),
    (("--model", "absent.json"), "--model absent.json: cannot be read as JSON"),
    (("--model", "absent.json", "--for", "linear"), "leave out --for"),
)


def test_what_has_no_such_model_inputs_is_refused_before_it_starts(
    target: Target, line: Command, subtests: pytest.Subtests
) -> None:
    for options, said in REFUSED:
        with subtests.test(" ".join(options)):
            before = executions(target)
            answer = line(*ASKED, *options, "--no-wait")

            assert answer.code != ExitCode.OK
            assert said in " ".join(answer.err.split())
            assert executions(target) == before


def executions(target: Target) -> list[str]:
    arn = target.named(DATASET.parameter)
    found = target.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    return [one["executionArn"] for one in found]


def test_model_inputs_are_listed_and_fetched(target: Target, line: Command, tmp_path: Path) -> None:
    training = {
        "line": NAME,
        "purpose": "training",
        "as_of": "2018-01-01",
        "model": {"type": "linear", "split": {"holdout": 0.5}},
    }
    plan = step(handler.plan, training)
    dataset = step(handler.finish, {"plan_key": plan["plan_key"], "built": step(handler.build, plan)})
    assert "has no model inputs yet" in line("dataset", "inputs", dataset["dataset_id"]).out
    event = {"plan_key": plan["plan_key"], "model": plan["model"], "dataset": dataset}
    answer = step(model_inputs.prepare_inputs, event)["shape"]

    text = line("dataset", "inputs", dataset["dataset_id"]).out
    (manifest,) = json.loads(line("dataset", "inputs", dataset["dataset_id"], "--json").out)
    got = line("dataset", "get", dataset["dataset_id"], "--inputs", answer["shape_id"][:6], "--to", str(tmp_path / "s"))
    whole = line("dataset", "get", dataset["dataset_id"], "--to", str(tmp_path / "d"))

    assert "linear" in text
    train, test = (part["rows"] for part in answer["parts"])
    (left_out,) = answer["left_out"]
    assert left_out["rows"] == dataset["rows"] - train - test > 0
    assert left_out == {"fold": None, "reason": "purged", "rows": left_out["rows"]}
    assert inputs_in_words(answer) == (
        f"{answer['shape_id']}, linear; rows: train {train}, test {test}\n"
        f"in no part: {left_out['rows']} purged: the outcome was not known where it would be judged"
    )
    assert (got.code, whole.code) == (ExitCode.OK, ExitCode.OK), got.err + whole.err
    assert json.loads((tmp_path / "s" / "manifest.json").read_text()) == manifest
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == [
        "fitted.json", "manifest.json", "test.ids.parquet", "test.parquet", "train.ids.parquet", "train.parquet",
    ]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["data.parquet", "manifest.json"]
    again = line("dataset", "get", dataset["dataset_id"], "--to", str(tmp_path / "d"))
    assert "not an empty folder" in again.err
    key = target.store.key_of(dataset["data_uri"])
    target.client("s3").put_object(Bucket="store", Key=key, Body=b"other rows")
    altered = line("dataset", "get", dataset["dataset_id"], "--to", str(tmp_path / "altered"))
    assert "is not what was written there" in altered.err
    assert (
        "has no model inputs sh-ffff"
        in line("dataset", "get", dataset["dataset_id"], "--inputs", "sh-ffff", "--to", "x").err
    )
