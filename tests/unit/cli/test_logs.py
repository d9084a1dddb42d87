"""`line logs` of functions and of Glue runs, against a mocked account."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.names import Parameter, log_parameter, parameter_name
from assembly_line.stations import DATASET
from assembly_line.storage.services.machines import Machines

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

ROLE = "arn:aws:iam::123456789012:role/any"
JOBS = {Parameter.DATASET_JOB: "the-dataset-job", Parameter.TABLES_JOB: "the-tables-job"}


@pytest.fixture(autouse=True)
def jobs(target: Target) -> None:
    glue, ssm = boto3.client("glue"), boto3.client("ssm")
    for parameter, name in JOBS.items():
        glue.create_job(Name=name, Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://code/script.py"})
        ssm.put_parameter(Name=parameter_name("dev", parameter), Value=name, Type="String")


def started(job: str) -> str:
    """A run, which the mock gives the log group `test/log`: not the one that a run without encryption has."""
    return boto3.client("glue").start_job_run(JobName=job)["JobRunId"]


def write(group: str, stream: str, *lines: tuple[timedelta, str]) -> None:
    """Lines, each so long ago."""
    logs, now = boto3.client("logs"), datetime.now(UTC)
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for ago, line in sorted(lines, reverse=True):
        event: Any = {"timestamp": int((now - ago).timestamp() * 1000), "message": line}
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])


def told(line: Command, *arguments: str) -> list[str]:
    lines: list[str] = json.loads(line("logs", *arguments, "--json").out)["log"]
    return [each.partition("  ")[2] for each in lines]


@pytest.mark.parametrize("job", JOBS.values())
@pytest.mark.parametrize("kind", ["error", "output"])
def test_a_glue_runs_log_is_in_the_group_that_the_run_names(line: Command, job: str, kind: str) -> None:
    run = started(job)
    write(
        f"test/log/{kind}", f"{run}-driver", (timedelta(days=1), "of another time"), (-timedelta(seconds=2), "read 7")
    )
    write(f"/aws-glue/jobs/{kind}", run, (-timedelta(seconds=2), "of another job"))

    assert told(line, run) == ["read 7"]


def test_a_glue_run_that_wrote_nothing_has_an_empty_log(line: Command) -> None:
    assert told(line, started("the-tables-job")) == []


def test_an_unknown_glue_run_is_said(line: Command) -> None:
    answer = line("logs", "jr_0123")

    assert answer.code == ExitCode.REFUSED
    assert "'jr_0123' is no function, job or run here" in answer.err


def test_a_run_that_built_with_spark_names_its_glue_run(
    target: Target, line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = {"resourceType": "glue", "resource": "startJobRun.sync", "output": '{"JobRunId": "jr_77"}'}
    # The mock's history knows no jobs.
    monkeypatch.setattr(
        Machines, "_history", lambda *_: iter([{"id": 1, "type": "TaskSubmitted", "taskSubmittedEventDetails": event}])
    )
    target.machines.start(target.named(DATASET.parameter), "run-7", {"line": "coupon_redemption"})

    assert json.loads(line("logs", "run-7", "--json").out)["jobs"] == ["jr_77"]
    assert "Its job jr_77: `line logs jr_77`" in line("logs", "run-7").out


def test_the_last_lines_of_a_function_are_read_from_the_recent_part_of_its_group(line: Command) -> None:
    group = "AssemblyLine-dev-Features-PlanLog"
    boto3.client("ssm").put_parameter(Name=log_parameter("dev", "dataset.plan"), Value=group, Type="String")
    write(group, "a", (timedelta(days=10), "first"), (timedelta(minutes=9), "second"), (timedelta(minutes=3), "third"))

    assert told(line, "dataset.plan", "--last", "1") == ["third"]
    assert told(line, "dataset.plan", "--last", "2") == ["second", "third"]
    assert told(line, "dataset.plan") == ["first", "second", "third"]
