"""What `status`, `review`, `score` and `board` tell of a line that has worked. Each test has an account of its own."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.credentials import ReadOnlyCredentials
from rich.console import Console

from assembly_line.cli.api import Api
from assembly_line.cli.target import Target
from assembly_line.cli.views.reviews import draw_decision
from assembly_line.loader import load_line
from assembly_line.messages import StationEvent
from assembly_line.names import ControlKey, Parameter, parameter_name, subscriber_queue_parameter
from assembly_line.stations import DATASET, TRAINING_RUN
from tests.champions import a_champion

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

PROJECT = Path(__file__).parents[3]
LINE = "coupon_redemption"
CREDENTIALS = ReadOnlyCredentials("key", "secret", "token")


@pytest.fixture
def released(target: Target) -> None:
    target.control.set_current_release(LINE, target.releases.publish(load_line(PROJECT / "lines", LINE)))


def test_status_shows_champion_and_reviews_that_wait_but_no_token(
    target: Target, released: None, line: Command
) -> None:
    champion = {"run_id": "run-1", "promoted_at": "2026-11-01T00:00:00Z", "dataset_id": "d" * 64}
    target.control.write(LINE, ControlKey.CHAMPION, champion)
    target.control.open_review(
        LINE, "run-2", {"run_id": "run-2", "state": "waiting", "token": "secret", "author": "a", "opened_at": "now"}
    )

    (found,) = json.loads(line("status", "--json").out)["lines"]
    listed = line("review", "list", LINE, "--json").out

    assert (found["champion"], found["waiting_for_review"]) == ("run-1", ["run-2"])
    assert json.loads(listed)[0]["run_id"] == "run-2"
    assert "secret" not in listed


def test_a_review_whose_run_has_ended_does_not_wait(target: Target, released: None, line: Command) -> None:
    machine = target.named(TRAINING_RUN.parameter)
    for run in ("run-1", "run-2"):
        arn = target.machines.start(machine, run, {})
        target.control.open_review(LINE, run, {"run_id": run, "state": "waiting", "token": run})
    boto3.client("stepfunctions").stop_execution(executionArn=arn)

    (found,) = json.loads(line("status", "--json").out)["lines"]

    assert (found["waiting_for_review"], found["ended_unreviewed"]) == (["run-1"], ["run-2"])


def test_status_shows_runs_and_not_the_datasets_they_had_built(target: Target, released: None, line: Command) -> None:
    machine = target.named(DATASET.parameter)
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
    target.event_log.append(
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


def approve(target: Target, *runs: str) -> None:
    """Approve runs one after the other."""
    for number, run in enumerate(runs):
        champion = a_champion(
            run,
            line=LINE,
            author="arn:aws:sts::0:assumed-role/Scientist/anna",
            reviewer="arn:aws:sts::0:assumed-role/Reviewer/ben",
            metrics={"auc": 0.75},
            promoted_at=f"2026-11-0{number + 1}T00:00:00.000000Z",
            replaces=runs[number - 1] if number else None,
        )
        assert target.control.promote(LINE, champion)


def test_the_champion_is_shown_with_what_it_took_over_from_and_the_command_that_goes_back(
    target: Target, released: None, line: Command
) -> None:
    approve(target, "run-1", "run-2")

    shown, found = line("champion", "show", LINE).out, json.loads(line("champion", "show", LINE, "--json").out)

    assert (found["champion"]["run_id"], found["champion"]["replaces"]) == ("run-2", "run-1")
    assert [run["run_id"] for run in found["approved"]] == ["run-2", "run-1"]
    assert f'line champion rollback {LINE} --reason "..." --as reviewer` lets run-1 decide again' in " ".join(
        shown.split()
    )


def test_a_rollback_goes_to_the_run_before_unless_one_is_named(
    target: Target, released: None, line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(target, "run-1", "run-2", "run-3")
    asked: list[dict[str, str]] = []

    def roll_back(_api: Api, name: str, **body: str) -> dict[str, Any]:
        asked.append({"line": name, **body})
        restored = {"by": "ben", "reason": body["reason"], "replaced": body["replaces"]}
        return {"run_id": body["run_id"], "restored": restored}

    monkeypatch.setattr(Target, "api", lambda *_: Api("http://nowhere", CREDENTIALS, "us-east-1"))
    monkeypatch.setattr(Api, "roll_back", roll_back)

    back = line("champion", "rollback", LINE, "--reason", "worse")
    named = line("champion", "rollback", LINE, "--to", "run-1", "--reason", "worse")

    assert [(one["run_id"], one["replaces"]) for one in asked] == [("run-2", "run-3"), ("run-1", "run-3")]
    assert back.code == named.code == 0
    assert "its model decides from now on" in back.out


def test_the_first_champion_has_nothing_before_it(target: Target, released: None, line: Command) -> None:
    approve(target, "run-1")

    answer = line("champion", "rollback", LINE, "--reason", "worse")

    assert answer.code != 0
    assert "run run-1 is the first that was approved, so there is none to go back to" in " ".join(answer.err.split())


def test_an_approval_says_that_its_model_decides_only_if_it_does() -> None:
    said = {"run_id": "run-1", "decision": "approve", "author": "a", "reviewer": "b", "reason": "good"}

    for champion, words in (("run-1", "its model decides from now on"), ("run-2", "run run-2 was promoted later")):
        console = Console(width=200, record=True, file=io.StringIO())
        draw_decision({**said, "champion": champion}, "coupon_redemption")(console)
        assert words in console.export_text()
