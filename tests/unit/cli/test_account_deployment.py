"""`line deploy` into an account: how it runs the CDK, and when it refuses to begin."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target

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


def test_with_a_terminal_the_cdk_asks(ran: list[list[str]], line: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal(monkeypatch, there=True)

    line("deploy")

    (command,) = ran
    assert "--require-approval" not in command
