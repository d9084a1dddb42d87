"""Commands against a mocked account: what they say, what they answer to a program, how they end."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.stations import DATASET, OUTCOMES, SCORING
from assembly_line.storage.services.machines import Execution, Machines

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LINE = "coupon_redemption"


@pytest.fixture(scope="module", autouse=True)
def target(shared_target: Target, shared_release: dict[str, str]) -> Target:
    """The shipped lines are released."""
    return shared_target


def test_says_where_it_acts_on_stderr_alone(line: Command) -> None:
    answer = line("status", "--json")

    assert "environment dev in account 123456789012, us-east-1" in answer.err
    assert json.loads(answer.out)["environment"] == "dev"


def test_common_options_may_stand_before_or_after_the_command(line: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINE_ENVIRONMENT")

    assert line("--environment", "dev", "--json", "status").out == line("status", "--json", "--environment", "dev").out


def test_an_environment_that_is_not_deployed_is_unreachable(line: Command) -> None:
    answer = line("board", "--environment", "prod")

    assert answer.code == ExitCode.UNREACHABLE
    assert "environment 'prod' is not deployed here" in answer.err
    assert "line deploy" in answer.err
    assert "Traceback" not in answer.err


def test_no_embedded_aws_is_unreachable_and_says_how_to_start_it(line: Command, tmp_path: Path) -> None:
    answer = line("status", "--environment", "embedded", "--state", str(tmp_path / "state"))

    assert answer.code == ExitCode.UNREACHABLE
    assert "line up" in answer.err


def test_a_taken_port_is_named_with_what_to_do(line: Command, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        answer = line("up", "--environment", "embedded", "--state", str(tmp_path / "state"), "--port", port)

    assert answer.code == ExitCode.UNREACHABLE
    assert f"port {port}" in answer.err
    assert "--port" in answer.err


def test_release_publishes_every_line_and_makes_it_current(target: Target, shared_release: dict[str, str]) -> None:
    assert target.control.current_release(LINE) == shared_release[LINE]
    assert target.store.exists(f"releases/{shared_release[LINE]}/release.json")


def test_an_undeclared_line_names_those_there_are(line: Command) -> None:
    answer = line("release", "nonsense")

    assert answer.code == ExitCode.REFUSED
    assert "'nonsense'" in answer.err
    assert LINE in answer.err


REFUSED: tuple[tuple[tuple[str, ...], str], ...] = (
    (("dataset", "build", "unknown_line", "--as-of", "2017-07-01"), "unknown_line"),
    (("dataset", "build", "Bad-Name", "--as-of", "2017-07-01"), "line"),
    (("dataset", "build", LINE, "--as-of", "2017-13-01"), "2017-13-01"),
    (("dataset", "build", LINE, "--as-of", "2017-07-01T00:00:00"), "no zone"),
    (("dataset", "build", LINE, "--as-of", "2017-07-01", "--purpose", "fun"), "purpose"),
    (("dataset", "build", LINE, "--as-of", "2017-07-01", "--engine", "abacus"), "engine"),
    (("dataset", "build", LINE, "--as-of", "2017-07-01", "--purpose", "scoring"), "needs from and to"),
    (("dataset", "build", LINE), "--as-of"),
    (("score", LINE, "--date", "2017-07-12", "--from", "2017-07-12"), "once: --date DAY, or"),
    (("score", LINE, "--date", "soon"), "'soon' is not a day"),
    (("score", LINE, "--date", "2017-07-12"), "no champion yet"),
    (("score", LINE, "--from", "2017-07-12", "--to", "2017-07-11"), "is not before"),
    (("outcomes", "unknown_line", "--as-of", "2018-01-02"), "unknown_line"),
    (("train", LINE, "--as-of", "2017-07-01", "--hyperparameter", "depth"), "expected name=value"),
    (("sources", "load", LINE, "--from", "/nowhere/at/all"), "is not a folder"),
    (("performance", "unknown_line"), "unknown_line"),
    (("feedback", "send", "/nowhere.json"), "/nowhere.json: cannot be read: no such file or directory"),
    (("dataset", "build", LINE, "--as-of", "2017-07-01", "--model", "/nowhere.json"), "as JSON: no such file or dir"),
    (("logs", "nothing-of-the-kind"), "nothing-of-the-kind"),
    (("redrive", "nothing-of-the-kind"), "nothing-of-the-kind"),
    (("up",), "embedded"),
    (("nonsense",), "nonsense"),
)


def test_wrong_input_is_refused_with_what_is_wrong_and_nothing_starts(
    target: Target, line: Command, subtests: pytest.Subtests
) -> None:
    before = executions(target)
    for arguments, expected in REFUSED:
        with subtests.test(" ".join(arguments)):
            answer = line(*arguments)

            assert answer.code == ExitCode.REFUSED, answer.err
            assert expected in " ".join(answer.err.split())
            assert "Traceback" not in answer.err
            assert answer.out == ""
    assert executions(target) == before


def executions(target: Target) -> list[list[tuple[str, str]]]:
    machines = (DATASET.parameter, SCORING.parameter, OUTCOMES.parameter)
    return [target.machines.recent(target.named(machine)) for machine in machines]


def test_debug_shows_the_traceback(line: Command) -> None:
    assert "Traceback" in line("score", LINE, "--debug").err


def test_without_waiting_the_execution_is_printed_and_has_the_request(target: Target, line: Command) -> None:
    answer = line(
        "dataset", "build", LINE, "--as-of", "2017-07-01", "--no-wait", "--json", "--features", "spend_30d,age"
    )

    started = json.loads(answer.out)
    found = target.machines.describe(started["execution_arn"])
    assert started["run_id"].startswith("coupon-redemption-dataset-20170701-")
    assert found.request == {
        "line": LINE,
        "purpose": "training",
        "as_of": "2017-07-01T00:00:00.000000Z",
        "features": ["spend_30d", "age"],
        "engine": "auto",
        "release": target.control.current_release(LINE),
    }


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every execution fails at once, with the nested cause that a failed child execution brings."""
    started, stock = Machines.start, Machines.describe
    said = json.dumps({"errorType": "QualityGateFailed", "errorMessage": "rule unique_keys: 3 rows"})
    cause = json.dumps({"Status": "FAILED", "Error": "QualityGateFailed", "Cause": said})

    def start(self: Machines, machine_arn: str, name: str, request: Mapping[str, Any]) -> str:
        arn = started(self, machine_arn, name, request)
        boto3.client("stepfunctions").stop_execution(executionArn=arn)
        return arn

    # The mock forgets why an execution ended.
    def describe(self: Machines, arn: str) -> Execution:
        return replace(stock(self, arn), status="FAILED", error="QualityGateFailed", cause=cause)

    monkeypatch.setattr(Machines, "start", start)
    monkeypatch.setattr(Machines, "describe", describe)


def test_a_run_that_fails_ends_with_code_1_and_its_reason(target: Target, failing: None, line: Command) -> None:
    answer = line("outcomes", LINE, "--as-of", "2018-01-02", "--json")

    assert answer.code == ExitCode.RUN_FAILED
    assert "QualityGateFailed: rule unique_keys: 3 rows" in answer.err
    assert "line logs coupon-redemption-outcomes-20180102" in answer.err
    assert json.loads(answer.out)["error"]["kind"] == "RunFailed"


def test_logs_tell_the_story_of_a_run(target: Target, failing: None, line: Command) -> None:
    arn = target.machines.start(target.named(DATASET.parameter), "run-7", {"line": LINE})

    story = json.loads(line("logs", "run-7", "--json").out)

    assert (story["machine"], story["status"]) == ("dataset", "FAILED")
    assert story["reason"] == "QualityGateFailed: rule unique_keys: 3 rows"
    assert "Why it failed: QualityGateFailed" in line("logs", arn).out


def test_roles_are_checked_before_anything_is_called(line: Command) -> None:
    answer = line("train", LINE, "--as-of", "2017-07-01", "--as", "king")

    assert answer.code == ExitCode.REFUSED
    assert "scientist, reviewer, decider" in answer.err
