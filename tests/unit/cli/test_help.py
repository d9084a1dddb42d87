"""What a newcomer sees first: help that leads through everything, in order, and quickly."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from assembly_line.cli.application import ORDER, STEPS, app

HEAVY = ("boto3", "botocore", "awswrangler", "duckdb", "pydantic", "numpy", "aws_cdk", "assembly_line.embedded")


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def test_help_leads_through_the_line_in_order() -> None:
    text = shown("--help")

    places = [text.index(step) for step, _ in STEPS]
    assert places == sorted(places)
    assert "Exit codes: 0 done; 1 a run failed" in text


def test_commands_are_listed_in_the_order_of_the_line() -> None:
    text = shown("--help")
    listed = text[text.index("Options of every command") :]

    places = [listed.index(f"│ {name} ") for name in ORDER if name != "demo"]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "command",
    [
        *("up", "down", "status", "deploy", "release", "demo", "train", "score", "outcomes", "performance", "board"),
        *("logs", "sources load", "dataset build", "feedback send", "decision list", "decision show"),
        *("dataset list", "dataset show", "dataset explain", "dataset verify", "dataset diff"),
        *("dataset quality", "dataset profile"),
        *("features list", "features search", "features describe", "features publish", "features get"),
        *("tables list", "tables refresh", "tables show", "tables query"),
        *("review list", "review show", "review approve", "review reject"),
        *("champion show", "champion rollback"),
    ],
)
def test_every_command_explains_itself_and_takes_the_common_options(command: str) -> None:
    text = shown(*command.split(), "--help")

    for option in ("--environment", "--json", "--as", "--region", "--profile", "--state", "--debug"):
        assert option in text


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom assembly_line.cli.application import app\nfrom typer.testing import CliRunner\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.strip() == "[]"


def test_completion_knows_the_commands() -> None:
    result = CliRunner().invoke(
        app, [], prog_name="line", env={"_LINE_COMPLETE": "complete_bash", "COMP_WORDS": "line da", "COMP_CWORD": "1"}
    )

    assert "dataset" in result.output
