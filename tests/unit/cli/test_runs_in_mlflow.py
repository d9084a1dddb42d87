"""`line runs record`: every run once in MLflow, read back through MLflow's own client."""

from __future__ import annotations

import json
import math
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from mlflow.tracking import MlflowClient
from moto.backends import get_backend

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.session import REPOSITORY
from assembly_line.cli.target import Target
from assembly_line.connectors.mlflow_runs import PACKAGES
from assembly_line.names import Parameter, parameter_name
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import execution_arn
from assembly_line.training.service import tracking
from tests.reviews import a_review
from tests.unit.cli.test_training_runs import BEN, LINE, ask, open_review, record
from tests.unit.training.test_comparison import RECORD, changed

if TYPE_CHECKING:
    from mlflow.entities import Run

    from tests.unit.cli.conftest import Command

EXPERIMENT = f"dev/{LINE}"


class Server:
    """MLflow's store in a folder, and the command that records into it."""

    def __init__(self, folder: Path, line: Command) -> None:
        self.uri = folder.as_uri()
        self._line = line

    def record(self, *arguments: str) -> dict[str, Any]:
        answer = self._line("runs", "record", *arguments, "--to", self.uri, "--json")
        assert answer.code == ExitCode.OK, answer.err
        found: dict[str, Any] = json.loads(answer.out)["runs"]
        return found

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(tracking_uri=self.uri)

    @property
    def experiment(self) -> str:
        """The id of the line's experiment."""
        found = self.client.get_experiment_by_name(EXPERIMENT)
        assert found is not None
        return str(found.experiment_id)

    @property
    def runs(self) -> dict[str, Run]:
        return {run.info.run_name: run for run in self.client.search_runs([self.experiment])}


@pytest.fixture
def server(target: Target, line: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    # The light MLflow of the tests has no other store; it keeps what the database of the page keeps.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    line("release", LINE)
    return Server(tmp_path / "mlflow", line)


def finished(target: Target, run: str, document: dict[str, Any] | None = None, **decided: str) -> None:
    """A run that trained and waits for its review, or had it."""
    ask(target, run, 1)
    open_review(target, run, **decided)
    whole = dict(RECORD) if document is None else document
    context = {**whole["context"], "run_id": run, "started_at": "2026-11-08T00:00:00.123Z"}
    record(target, run, {**whole, "context": context})


def test_a_run_is_recorded_whole_and_can_be_read_back(target: Target, server: Server) -> None:
    finished(target, "run-1")

    assert server.record(LINE) == {LINE: {"run-1": "added"}}

    run = server.runs["run-1"]
    assert (run.data.params["rounds"], run.data.params["dataset.id"]) == ("100", "ds-1")
    assert run.data.metrics["auc"] == 0.8
    assert run.data.metrics["auc_interval_high"] == 0.9
    assert run.data.tags["script.train.py"] == "s" * 64
    assert (run.data.tags["mlflow.user"], run.data.tags["run.state"]) == ("anna", "waiting")
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FINISHED", 1794096000123, 1794182400000)
    assert run.inputs is not None
    assert [one.dataset.digest for one in run.inputs.dataset_inputs] == ["ds-1"]
    files = {file.path for file in server.client.list_artifacts(run.info.run_id)}
    assert files == {"run.json", "review.json"}
    review = json.loads(content(server, run, "review.json"))
    assert review["packet"]["metrics"]["auc"] == 0.8
    assert "token" not in review


def content(server: Server, run: Run, name: str) -> str:
    return Path(server.client.download_artifacts(run.info.run_id, name)).read_text(encoding="utf-8")


def test_a_run_brings_its_review_as_a_page_with_its_plots(target: Target, server: Server) -> None:
    review = a_review(target.released.release(LINE).line)
    ask(target, "run-1", 1)
    target.control.open_review(LINE, "run-1", {**review, "run_id": "run-1", "token": "secret"})
    record(target, "run-1", {**RECORD, "validation": review["packet"]["validation"]})

    server.record(LINE)

    page = content(server, server.runs["run-1"], "review.html")
    for words in ("<svg", "Calibration", "ROC", "Lift"):
        assert words in page
    metrics = server.runs["run-1"].data.metrics
    assert metrics["validation.calibration.error"] == review["packet"]["validation"]["calibration"]["error"]
    assert "- " in server.runs["run-1"].data.tags["mlflow.note.content"]


def test_recording_again_changes_nothing_until_a_run_changes(target: Target, server: Server) -> None:
    finished(target, "run-1")
    finished(target, "run-2")
    server.record(LINE)
    before = {name: run.to_dictionary() for name, run in server.runs.items()}

    assert server.record(LINE) == {LINE: {"run-1": "unchanged", "run-2": "unchanged"}}
    assert {name: run.to_dictionary() for name, run in server.runs.items()} == before

    finished(target, "run-3")
    decided = {"state": "decided", "decision": "reject", "reviewer": BEN, "reason": "too few rows"}
    waiting = target.control.review(LINE, "run-2")
    assert target.control.judge_review(LINE, "run-2", {**waiting, **decided}, known=waiting)

    assert server.record(LINE)[LINE] == {"run-1": "unchanged", "run-2": "updated", "run-3": "added"}
    tags = server.runs["run-2"].data.tags
    assert (tags["run.state"], tags["review.reviewer"], tags["review.reason"]) == ("rejected", BEN, "too few rows")
    assert len(server.runs) == 3


def test_what_people_add_in_mlflow_stays_and_a_parameter_keeps_its_first_value(target: Target, server: Server) -> None:
    finished(target, "run-1")
    server.record(LINE)
    identifier = server.runs["run-1"].info.run_id
    server.client.set_tag(identifier, "seen by", "anna")

    finished(target, "run-1", changed(("image", "version"), "3.3-0"))

    assert server.record(LINE)[LINE] == {"run-1": "updated"}
    run = server.runs["run-1"]
    assert (run.info.run_id, run.data.tags["seen by"], run.data.params["image.version"]) == (
        identifier,
        "anna",
        "3.2-0",
    )


def test_a_run_that_goes_on_gets_its_figures_later(target: Target, server: Server) -> None:
    ask(target, "run-1", 1)
    assert server.record(LINE)[LINE] == {"run-1": "added"}
    assert (server.runs["run-1"].info.status, server.runs["run-1"].info.end_time) == ("RUNNING", None)

    open_review(target, "run-1")
    record(target, "run-1", dict(RECORD))

    assert server.record(LINE)[LINE] == {"run-1": "updated"}
    assert (server.runs["run-1"].info.status, server.runs["run-1"].data.metrics["auc"]) == ("FINISHED", 0.8)


def test_a_run_that_was_stopped_has_ended_when_it_was(target: Target, server: Server) -> None:
    ask(target, "run-1", 1)
    stop(target, "run-1")

    server.record(LINE)

    info = server.runs["run-1"].info
    assert info.status == "KILLED"
    assert info.end_time > info.start_time


def stop(target: Target, run: str) -> None:
    execution = execution_arn(target.named(TRAINING_RUN.parameter), run)
    boto3.client("stepfunctions").stop_execution(executionArn=execution)


def forget(target: Target) -> None:
    """As Step Functions does, 90 days after the executions ended."""
    machine = target.named(TRAINING_RUN.parameter)
    _, _, _, region, account, *_ = machine.split(":")
    (known,) = [one for one in get_backend("stepfunctions")[account][region].state_machines if one.arn == machine]
    known.executions.clear()


def test_the_end_of_a_run_stays_recorded_once_step_functions_forgot_it(target: Target, server: Server) -> None:
    ask(target, "run-1", 1)
    ask(target, "run-2", 2)
    stop(target, "run-1")
    server.record(LINE)
    before = server.runs["run-1"].to_dictionary()

    forget(target)

    # Of the one that still went on when it was recorded, MLflow would say for ever that it goes on.
    assert server.record(LINE)[LINE] == {"run-1": "unchanged", "run-2": "updated"}
    assert server.runs["run-1"].to_dictionary() == before
    assert server.runs["run-1"].data.tags["run.state"] == "aborted"
    assert (server.runs["run-2"].info.status, server.runs["run-2"].data.tags["run.state"]) == ("FAILED", "unknown")


def test_who_may_not_see_jobs_leaves_the_paid_seconds_of_who_may(
    target: Target, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record_seeing(seconds: dict[str, int]) -> dict[str, str]:
        monkeypatch.setattr(tracking, "paid_seconds", lambda *_: seconds)
        found: dict[str, str] = server.record(LINE)[LINE]
        return found

    finished(target, "run-1")

    assert record_seeing({}) == {"run-1": "added"}
    assert record_seeing({"train-1": 60}) == {"run-1": "updated"}
    assert record_seeing({}) == {"run-1": "unchanged"}
    assert record_seeing({"train-1": 60}) == {"run-1": "unchanged"}
    assert record_seeing({"train-1": 60, "train-2": 30}) == {"run-1": "updated"}
    assert server.runs["run-1"].data.metrics["paid_seconds"] == 90


def test_a_recording_that_was_cut_is_completed(
    target: Target, line: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    finished(target, "run-1")
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_artifacts", cut)
        assert line("runs", "record", LINE, "--to", server.uri).code != ExitCode.OK

    assert server.record(LINE)[LINE] == {"run-1": "updated"}
    assert len(server.runs) == 1
    assert {file.path for file in server.client.list_artifacts(server.runs["run-1"].info.run_id)} >= {"run.json"}


def test_no_metric_is_infinite_and_a_long_reason_is_cut_and_kept_whole_in_the_file(
    target: Target, server: Server
) -> None:
    reason = "a" * 9000
    decided = {"state": "decided", "decision": "reject", "reviewer": BEN, "reason": reason}
    finished(target, "run-1", changed(("evaluation", "metrics", "log_loss"), None), **decided)

    server.record(LINE)

    run = server.runs["run-1"]
    assert run.data.tags["figure.log_loss"] == "not computable"
    assert all(map(math.isfinite, run.data.metrics.values()))
    assert run.data.tags["review.reason"].startswith("aaa")
    assert json.loads(content(server, run, "review.json"))["reason"] == reason


def test_more_than_one_call_takes_arrives_whole(target: Target, server: Server) -> None:
    hyperparameters = {f"weight_{place}": str(place) for place in range(130)}
    finished(target, "run-1", changed(("context", "hyperparameters"), hyperparameters))

    server.record(LINE)

    params = server.runs["run-1"].data.params
    assert {name: params[name] for name in hyperparameters} == hyperparameters


def test_every_released_line_is_recorded_unless_one_is_named(target: Target, line: Command, server: Server) -> None:
    line("release")
    finished(target, "run-1")

    assert set(server.record()) == set(target.control.lines())
    assert server.record()[LINE] == {"run-1": "unchanged"}


def test_an_experiment_that_was_deleted_in_mlflow_is_not_filled_again(
    target: Target, line: Command, server: Server
) -> None:
    finished(target, "run-1")
    server.record(LINE)
    server.client.delete_experiment(server.experiment)

    answer = line("runs", "record", LINE, "--to", server.uri)

    assert answer.code == ExitCode.REFUSED
    assert "mlflow experiments restore" in answer.err


def test_a_server_that_is_down_is_said_and_the_runs_stay(
    target: Target, line: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    finished(target, "run-1")

    answer = line("runs", "record", LINE, "--to", "http://127.0.0.1:1")

    assert answer.code == ExitCode.UNREACHABLE
    assert "no run is lost" in answer.err
    assert server.record(LINE)[LINE] == {"run-1": "added"}


def test_an_environment_with_an_app_of_its_own_is_recorded_there(
    line: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sagemaker_mlflow", None)
    app = "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-1"
    boto3.client("ssm").put_parameter(Name=parameter_name("dev", Parameter.MLFLOW_APP), Value=app, Type="String")

    assert app in line("runs", "record", LINE).err
    assert app not in line("runs", "record", LINE, "--to", server.uri).err


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("missing", "to", "said"),
    [
        ("mlflow.tracking", "http://127.0.0.1:1", "pip install 'mlflow>=3.17,<4'"),
        ("sagemaker_mlflow", "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-app/app-1", "AWS's plugin"),
    ],
)
def test_a_package_that_is_missing_is_named_with_the_way_to_install_it(
    line: Command, monkeypatch: pytest.MonkeyPatch, missing: str, to: str, said: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)

    answer = line("runs", "record", LINE, "--to", to)

    assert answer.code == ExitCode.REFUSED
    assert said in answer.err


def test_what_is_said_to_install_is_the_extra() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(PACKAGES) == project["optional-dependencies"]["mlflow"]
