"""Tab completes every argument and option that names something of a line, wherever it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assembly_line.cli.application import app
from assembly_line.cli.session import Session
from assembly_line.cli.target import Target
from tests.unit.cli.conftest import Command
from tests.unit.cli.released_world import NAME, PreparedSources, ReleasedWorld, open_world
from tools.documentation.commands import commands

# What somebody writes without looking it up: instants, files, numbers, words of their own. A new kind of argument has
# to find its place here, or is completed.
WRITTEN = {
    "DAY", "DAYS", "DECISION", "ENVIRONMENT", "FILE", "FOLDER", "HOW", "INSTANT", "INSTANT|DAY", "KEYS",
    "LOW:HIGH", "N", "NAME=VALUE", "NEW", "REPOSITORY=PYTHON", "ROLE", "SQL", "TEXT", "TIME", "TYPE", "URI",
}  # fmt: skip


def completed(*words: str) -> list[str]:
    """What the shell is offered for the last word."""
    line = {"_LINE_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], prog_name="line", env=line).output.split()


@pytest.fixture(scope="module")
def target(shared_target: Target) -> Target:
    return shared_target


@pytest.fixture(scope="module", autouse=True)
def world(target: Target, prepared: PreparedSources) -> Iterator[ReleasedWorld]:
    with open_world(target, prepared) as opened:
        yield opened


@pytest.fixture(autouse=True)
def embedded(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the account were the embedded one, in which alone more than lines is completed."""
    monkeypatch.setattr(Session, "embedded", property(lambda _: True))
    monkeypatch.setattr(Session, "target", property(lambda _: target))


def test_every_argument_that_names_something_of_a_line_is_completed() -> None:
    named = {
        f"{command} {parameter.opts[0]}": parameter.metavar.strip("[]")
        for command, found in commands()
        for parameter in found.params
        if parameter.metavar
    }
    assert {"line logs what", "line redrive run", "line champion rollback --to", "line dataset quality dataset"} <= {
        *named
    }

    without = {
        f"{command} {parameter.opts[0]}"
        for command, found in commands()
        for parameter in found.params
        if getattr(parameter, "_custom_shell_complete", None) is None
    }
    assert {name: metavar for name, metavar in named.items() if name in without and metavar not in WRITTEN} == {}


def test_names_of_the_released_line_are_offered() -> None:
    assert "events_count" in completed("line", "features", "describe", NAME, "ev")
    assert completed("line", "features", "get", NAME, "user=1", "--features", "age,events_cou") == ["age,events_count"]
    assert completed("line", "performance", NAME, "--by", "us") == ["user"]
    assert completed("line", "train", NAME, "--environment", "pro") == ["prod"]


def test_runs_are_offered_wherever_one_is_asked_for(line: Command) -> None:
    started = json.loads(line("dataset", "build", NAME, "--as-of", "2018-01-01", "--no-wait", "--json").out)["run_id"]

    for words in (
        ("redrive",),
        ("logs",),
        ("dataset", "quality"),
        ("dataset", "cancel"),
        ("decision", "list", NAME, "--run"),
    ):
        assert started in completed("line", *words, started[:5]), words


def test_nothing_is_offered_where_nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("LINE_STATE", str(tmp_path))

    for words in (("dataset", "show"), ("redrive",), ("logs",), ("features", "describe", NAME)):
        assert completed("line", *words, "") == []
