"""Runs get into MLflow by themselves: from events, once each, and later if MLflow does not answer.

MLflow's own client reads back what the function wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from mlflow.tracking import MlflowClient

from assembly_line.connectors.mlflow_runs import MlflowRuns
from assembly_line.names import Parameter, parameter_name, run_prefix
from assembly_line.storage.models.control_table import ControlTable
from lambdas.account import account_of
from lambdas.tracking import handler
from tests.aws.conftest import REGION, empty_account, new_bucket, new_control_table
from tests.aws.training.training_run import LINE, Context
from tests.unit.training.test_comparison import RECORD

if TYPE_CHECKING:
    from mlflow.entities import Run

    from assembly_line.training import TrackedRun

ANNA = "arn:aws:sts::123456789012:assumed-role/Scientist/anna"
NOWHERE = "http://127.0.0.1:9"


class World:
    """An account with a training machine, and an MLflow whose store is a folder."""

    def __init__(self, folder: Path) -> None:
        self.store = new_bucket(boto3.client("s3", region_name=REGION), "store")
        new_control_table()
        new_control_table("champions")
        self.control = ControlTable(boto3.client("dynamodb", region_name=REGION), "control", "champions")
        self.machine = boto3.client("stepfunctions", region_name=REGION).create_state_machine(
            name="training",
            definition=json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
            roleArn="arn:aws:iam::123456789012:role/machine",
        )["stateMachineArn"]
        self.uri = folder.as_uri()

    def mlflow_is(self, uri: str) -> None:
        name = parameter_name("test", Parameter.MLFLOW_APP)
        boto3.client("ssm", region_name=REGION).put_parameter(Name=name, Value=uri, Type="String", Overwrite=True)

    def ask(self, run: str) -> None:
        self.control.add_run(LINE, run, {"author": ANNA, "requested_at": "2026-11-01T00:00:00.000000Z"})
        boto3.client("stepfunctions", region_name=REGION).start_execution(stateMachineArn=self.machine, name=run)

    def train(self, run: str) -> None:
        context = {**RECORD["context"], "run_id": run}
        self.store.write_json(f"{run_prefix(LINE, run)}run.json", {**RECORD, "context": context})

    def open_review(self, run: str) -> None:
        review = {"run_id": run, "line": LINE, "state": "waiting", "author": ANNA, "packet": {}, "token": "secret"}
        self.control.open_review(LINE, run, {**review, "opened_at": "2026-11-09T00:00:00.000000Z"})

    @property
    def runs(self) -> dict[str, Run]:
        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(f"test/{LINE}")
        assert found is not None
        return {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with empty_account(), pytest.MonkeyPatch.context() as patch:
        world = World(tmp_path / "mlflow")
        for variable, value in {
            # The light MLflow of the tests has no other store.
            "MLFLOW_ALLOW_FILE_STORE": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "ASSEMBLY_ENVIRONMENT": "test",
            "STORE_BUCKET": "store",
            "CONTROL_TABLE": "control",
            "CHAMPION_TABLE": "champions",
            "TRAINING_MACHINE_ARN": world.machine,
        }.items():
            patch.setenv(variable, value)
        account_of.cache_clear()
        yield world
        account_of.cache_clear()


def execution(run: str, status: str, given: object) -> dict[str, Any]:
    detail = {"name": run, "status": status, "input": json.dumps(given)}
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}


def announced(run: str, kind: str) -> dict[str, Any]:
    return {"source": "assembly-line", "detail": {"line": LINE, "station": "training", "item": run, "kind": kind}}


def handled(*events: dict[str, Any]) -> list[str]:
    """What goes back into the queue."""
    records = [
        {"messageId": f"m{place}", "body": json.dumps(event), "eventSource": "aws:sqs", "attributes": {}}
        for place, event in enumerate(events)
    ]
    answer = cast("dict[str, Any]", handler.handle({"Records": records}, Context()))  # type: ignore[arg-type]
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_run_appears_when_it_begins_and_gets_its_figures_when_it_waits(world: World) -> None:
    world.mlflow_is(world.uri)
    world.ask("run-1")

    assert handled(execution("run-1", "RUNNING", {"line": LINE})) == []
    assert world.runs["run-1"].info.status == "RUNNING"

    world.train("run-1")
    world.open_review("run-1")
    assert handled(announced("run-1", "waiting")) == []
    run = world.runs["run-1"]
    assert (run.info.status, run.data.metrics["auc"], run.data.tags["run.state"]) == ("FINISHED", 0.8, "waiting")
    assert run.data.params["dataset.id"] == "ds-1"
    assert run.data.tags["script.train.py"] == "s" * 64
    assert len(world.runs) == 1


def test_while_mlflow_is_down_runs_stay_in_the_queue_and_only_one_of_them_asks_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.mlflow_is(NOWHERE)
    events = [execution(run, "RUNNING", {"line": LINE}) for run in ("run-1", "run-2")]
    for run in ("run-1", "run-2"):
        world.ask(run)
    asked: list[object] = []
    keep = MlflowRuns.keep

    def counted(self: MlflowRuns, run: TrackedRun) -> str:
        asked.append(run)
        return keep(self, run)

    monkeypatch.setattr(MlflowRuns, "keep", counted)

    assert handled(*events) == ["m0", "m1"]
    assert len(asked) == 1

    world.mlflow_is(world.uri)
    assert handled(*events) == []
    assert set(world.runs) == {"run-1", "run-2"}


def test_a_run_that_says_it_waits_is_recorded_once_its_review_is_open(world: World) -> None:
    world.mlflow_is(world.uri)
    world.ask("run-1")
    world.train("run-1")

    assert handled(announced("run-1", "waiting")) == ["m0"]

    world.open_review("run-1")
    assert handled(announced("run-1", "waiting")) == []
    files = MlflowClient(tracking_uri=world.uri).list_artifacts(world.runs["run-1"].info.run_id)
    assert {file.path for file in files} == {"run.json", "review.json"}


def test_without_mlflow_nothing_is_kept_waiting(world: World) -> None:
    world.ask("run-1")

    assert handled(execution("run-1", "RUNNING", {"line": LINE})) == []


@pytest.mark.parametrize("given", [None, [], {"line": 3}, "no object"])
def test_a_run_whose_input_names_no_line_is_let_go(world: World, given: object) -> None:
    world.mlflow_is(world.uri)

    assert handled(execution("run-1", "FAILED", given)) == []


def test_a_run_that_two_wrote_in_one_second_is_one_again(world: World) -> None:
    world.mlflow_is(world.uri)
    world.ask("run-1")
    handled(execution("run-1", "RUNNING", {"line": LINE}))
    (first,) = world.runs.values()
    client = MlflowClient(tracking_uri=world.uri)
    twin = client.create_run(first.info.experiment_id, run_name="run-1", tags=first.data.tags)

    world.train("run-1")
    world.open_review("run-1")
    handled(announced("run-1", "waiting"))

    (left,) = client.search_runs([first.info.experiment_id])
    assert left.info.run_id == min(first.info.run_id, twin.info.run_id)
    assert left.data.metrics["auc"] == 0.8
