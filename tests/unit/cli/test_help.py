"""What a newcomer sees first: help that leads through everything, in order, and quickly."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assembly_line.cli.application import COMMANDS, STEPS, app
from assembly_line.cli.lazy_commands import made
from assembly_line.requests import ReviewRequest
from tools.documentation.commands import commands

HEAVY = (
    *("boto3", "botocore", "awswrangler", "duckdb", "pydantic", "numpy", "aws_cdk", "assembly_line.embedded"),
    *("assembly_line.declarations", "markdown_it", "pygments"),
)


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "TERM": "dumb"})
    assert result.exit_code == 0, result.output
    return result.output


def test_help_leads_through_the_line_in_order() -> None:
    text = shown("--help")

    places = [text.index(step) for step, _ in STEPS]
    assert places == sorted(places)
    assert "Exit codes: 0 done. 1 a run failed" in text


def test_commands_are_listed_in_the_order_of_the_line() -> None:
    text = shown("--help")
    listed = text[text.index("Options of every command") :]

    places = [listed.index(f"│ {name} ") for name in COMMANDS if name != "demo"]
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


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    said = inspect.cleandoc(made(name, COMMANDS[name]).help)

    assert " ".join(said.split("\n\n")[0].split()) == COMMANDS[name].help


def imported_by(*arguments: str) -> list[str]:
    """Which heavy modules a call of the command imports, whatever its end."""
    program = (
        "import contextlib, io, sys\nfrom assembly_line.cli.application import run\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    run({list(arguments)!r})\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(answer.stdout.replace("'", '"'))
    return found


@pytest.mark.parametrize("arguments", [("--help",), ("dataset", "--help"), ("dataset", "build", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    assert imported_by(*arguments) == []


def test_a_command_imports_what_it_needs_and_no_more(tmp_path: Path) -> None:
    assert imported_by("down", "--state", str(tmp_path)) == ["assembly_line.embedded"]
    assert "pydantic" not in imported_by("status", "--state", str(tmp_path))


def test_commands_ask_aws_without_boto3_and_without_an_engine() -> None:
    modules = [
        *(f"cli.{name}" for name in ("target", "reviewing", "runs", "views.datasets", "views.runs", "views.status")),
        *("features.service.listed_features", "throughput.service.run_story", "feedback.service.history"),
        *("storage.services.logs", "storage.datasets.finished_datasets", "storage.ledger.event_log"),
        *("cli.views.board", "feedback.performance"),
    ]
    program = (
        f"import importlib, sys\nfor name in {modules!r}:\n    importlib.import_module('assembly_line.' + name)\n"
        "print(*{'boto3', 's3transfer', 'numpy', 'duckdb', 'pydantic'} & set(sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.split() == []


def test_the_version_is_said_without_typer() -> None:
    program = (
        "import sys\nfrom assembly_line.cli import main\nsys.argv = ['line', '--version']\nmain()\n"
        "print('typer' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout.split() == [shown("--version").strip(), "False"]


@pytest.mark.parametrize("engine", ["duckdb", "pyarrow"])
def test_a_command_that_used_an_engine_ends_without_a_word_of_it(engine: str) -> None:
    program = f"import sys, {engine}\nfrom assembly_line.cli import main\nsys.argv = ['line', '--help']\nmain()"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stderr == ""


def completed(*words: str) -> str:
    """What the shell is offered for the last word."""
    line = {"_LINE_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    return CliRunner().invoke(app, [], prog_name="line", env=line).output


def test_completion_knows_the_lines_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("churn", "chargeback", "stock"):
        (tmp_path / "lines" / name).mkdir(parents=True)
        (tmp_path / "lines" / name / "line.py").touch()
    (tmp_path / "lines" / "changes").mkdir()  # no line
    monkeypatch.chdir(tmp_path)

    assert completed("line", "train", "ch").split() == ["chargeback", "churn"]


def test_completion_knows_the_commands() -> None:
    result = CliRunner().invoke(
        app, [], prog_name="line", env={"_LINE_COMPLETE": "complete_bash", "COMP_WORDS": "line da", "COMP_CWORD": "1"}
    )

    assert "dataset" in result.output


def test_help_says_the_forms_of_a_feedback_file_and_the_length_of_a_reason() -> None:
    said = {name: " ".join(str(one.help) for one in found.params) for name, found in commands()}

    assert '{"events": [...]}' in said["line feedback send"]
    least = ReviewRequest.model_json_schema()["properties"]["reason"]["minLength"]
    for command in ("line review approve", "line review reject", "line champion rollback"):
        assert f"at least {least} characters" in said[command]
