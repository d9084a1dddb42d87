"""What `status`, `review`, `score` and `board` tell of a line that has worked. Each test has an account of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest

from assembly_line.cli.target import Target
from assembly_line.loader import load_line
from assembly_line.messages import StationEvent
from assembly_line.names import Parameter, parameter_name, subscriber_queue_parameter
from assembly_line.storage.event_log import EventLog
from assembly_line.storage.releases import ReleaseStore

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

PROJECT = Path(__file__).parents[3]
LINE = "coupon_redemption"


@pytest.fixture
def released(target: Target) -> None:
    target.control.set_current_release(LINE, ReleaseStore(target.store).publish(load_line(PROJECT / "lines", LINE)))


def test_status_shows_champion_and_reviews_that_wait_but_no_token(
    target: Target, released: None, line: Command
) -> None:
    target.control.set_champion(LINE, {"run_id": "run-1", "promoted_at": "2026-11-01"})
    target.control.open_review(
        LINE, "run-2", {"run_id": "run-2", "state": "waiting", "token": "secret", "author": "a", "opened_at": "now"}
    )

    (found,) = json.loads(line("status", "--json").out)["lines"]
    listed = line("review", "list", LINE, "--json").out

    assert (found["champion"], found["waiting_for_review"]) == ("run-1", ["run-2"])
    assert json.loads(listed)[0]["run_id"] == "run-2"
    assert "secret" not in listed


def test_a_review_whose_run_has_ended_does_not_wait(target: Target, released: None, line: Command) -> None:
    machine = target.parameters.value(Parameter.TRAINING_MACHINE)
    for run in ("run-1", "run-2"):
        arn = target.machines.start(machine, run, {})
        target.control.open_review(LINE, run, {"run_id": run, "state": "waiting", "token": run})
    boto3.client("stepfunctions").stop_execution(executionArn=arn)

    (found,) = json.loads(line("status", "--json").out)["lines"]

    assert (found["waiting_for_review"], found["ended_unreviewed"]) == (["run-1"], ["run-2"])


def test_status_shows_runs_and_not_the_datasets_they_had_built(target: Target, released: None, line: Command) -> None:
    machine = target.parameters.value(Parameter.DATASET_MACHINE)
    for name in ("mine", *(f"run-{number}-dataset" for number in range(8))):
        target.machines.start(machine, name, {})

    shown = json.loads(line("status", "--json").out)["executions"]

    assert [one["name"] for one in shown] == ["mine"]


def test_status_tells_where_an_application_reads_and_answers(target: Target, released: None, line: Command) -> None:
    boto3.client("ssm").put_parameter(
        Name=subscriber_queue_parameter("dev", LINE, "campaign_desk"), Value="https://queue", Type="String"
    )

    found = json.loads(line("status", "--json").out)

    assert found["lines"][0]["subscribers"] == {"campaign_desk": "https://queue"}
    queue = boto3.client("ssm").get_parameter(Name=parameter_name("dev", Parameter.FEEDBACK_QUEUE))
    assert found["feedback_queue"] == queue["Parameter"]["Value"]


def test_board_of_nothing_and_of_something(target: Target, line: Command) -> None:
    assert "No station has announced anything yet" in line("board").out
    EventLog(target.ledger).append(
        [
            StationEvent.model_validate(
                {
                    "schema": "assembly-line/station-event",
                    "id": kind,
                    "environment": "dev",
                    "account": "1",
                    "line": LINE,
                    "station": "delivery",
                    "item": "run-1",
                    "kind": kind,
                    "at": datetime(2026, 11, 1, 9, 0, second, tzinfo=UTC),
                }
            )
            for second, kind in enumerate(["queued", "started", "finished"])
        ]
    )

    (board,) = json.loads(line("board", LINE, "--json").out)

    assert board["first_pass_yield"] == 1
    assert "delivery" in line("board").out
    assert json.loads(line("board", "other", "--json").out) == []
    assert json.loads(line("board", "--since", "2026-11-02", "--json").out) == []
