"""`line deploy` into an account: how it runs the CDK, and when it refuses to begin."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.cli.environments import doctoring
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.doctor.wanted import Wanted
from assembly_line.proof.permissions.sign_in import SignIn
from tests.unit.proof.small_world import world

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command


@pytest.fixture
def ran(target: Target, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of the CDK that were run; each fails, so that nothing follows."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    # Instead of a synthesis, which these tests are not about.
    wanted = Wanted(world=world(), lines=(), region="us-east-1", bootstrap=8, sign_in=SignIn("iam_users"))
    monkeypatch.setattr(doctoring, "wanted_of", lambda *_, **__: wanted)
    target.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String")
    return commands


def terminal(monkeypatch: pytest.MonkeyPatch, *, there: bool) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: there, raising=False)


def test_without_a_terminal_it_refuses_before_anything_starts(
    ran: list[list[str]], line: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal(monkeypatch, there=False)

    answer = line("deploy")

    assert answer.code == ExitCode.REFUSED
    assert "no terminal" in answer.err
    assert "line deploy --yes" in answer.err
    assert ran == []


@pytest.mark.parametrize("there", [False, True])
def test_yes_approves_wider_permissions(
    ran: list[list[str]], line: Command, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    terminal(monkeypatch, there=there)

    assert line("deploy", "--yes").code == ExitCode.RUN_FAILED

    (command,) = ran
    assert command[command.index("--require-approval") + 1] == "never"


def test_an_account_that_is_not_ready_is_refused_before_anything_starts(
    target: Target, ran: list[list[str]], line: Command
) -> None:
    target.client("ssm").delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")

    answer = line("deploy", "--yes")

    assert answer.code == ExitCode.REFUSED
    assert "CDKToolkit: is missing" in answer.err
    assert "cdk bootstrap" in answer.err
    assert ran == []


def test_with_a_terminal_the_cdk_asks(ran: list[list[str]], line: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, there=True)

    line("deploy")

    (command,) = ran
    assert "--require-approval" not in command
