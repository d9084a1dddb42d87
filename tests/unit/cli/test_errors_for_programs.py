"""With --json stdout carries one JSON document, also when the command fails; the exit code is the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assembly_line.cli import application
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.output import Output
from assembly_line.cli.session import REPOSITORY
from assembly_line.errors import RequestRefused, RunFailed


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        application.run(list(arguments))
    said = capsys.readouterr()
    return int(end.value.code or 0), said.out, said.err


@pytest.fixture(autouse=True)
def nothing_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINE_STATE", str(tmp_path))


@pytest.mark.parametrize(
    ("arguments", "code", "kind"),
    [
        (("status",), ExitCode.UNREACHABLE, "EmbeddedAwsError"),
        (("dataset", "build", "churn", "--as-of", "yesterday"), ExitCode.REFUSED, "RequestRefused"),
        (("lost",), ExitCode.REFUSED, "UsageError"),
        (("review", "approve", "churn", "run"), ExitCode.REFUSED, "MissingParameter"),
        (("up", "--port", "many"), ExitCode.REFUSED, "BadParameter"),
        (("down", "--environment", "dev"), ExitCode.REFUSED, "RequestRefused"),
    ],
)
def test_an_error_is_one_document_and_the_exit_code_as_without(
    arguments: tuple[str, ...], code: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:

    as_text = ended(capsys, *arguments)
    as_json = ended(capsys, *arguments, "--json") if arguments != ("lost",) else ended(capsys, "--json", *arguments)

    document: dict[str, Any] = json.loads(as_json[1])
    assert (as_text[0], as_json[0], document["exit_code"]) == (code, code, code)
    assert as_text[1] == ""
    assert document["error"]["kind"] == kind
    assert document["error"]["message"] in as_json[2].replace("\n", " ")


def test_the_parts_of_a_refusal_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = ended(capsys, "--json", "dataset", "build", "churn", "--as-of", "yesterday")

    error = json.loads(out)["error"]
    assert error["where"] == "DatasetRequest: as_of"
    assert error["value"] == "'yesterday'"
    assert error["expected"].startswith("ISO 8601")


@pytest.mark.parametrize("command", [("status",), ("deploy", "--yes"), ("doctor",)])
def test_an_unknown_environment_is_refused_by_the_known_ones(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = ended(capsys, *command, "--environment", "nowhere", "--json")

    error = json.loads(out)["error"]
    assert (code, error["where"], error["value"]) == (ExitCode.REFUSED, "--environment", "'nowhere'")
    assert error["expected"].startswith(f"an environment of {REPOSITORY / 'settings'}: dev, embedded, prod")


def test_after_its_own_document_a_failing_command_prints_no_second_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers_and_fails(*_: object, **__: object) -> None:
        Output(machine_readable=True).result({"equal": False}, lambda _: None)
        raise RunFailed("not equal")

    monkeypatch.setattr(application, "app", answers_and_fails)

    code, out, err = ended(capsys, "--json")
    assert (code, json.loads(out), err) == (ExitCode.RUN_FAILED, {"equal": False}, "Error: not equal\n")


def test_a_fault_of_the_program_is_a_document_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(application, "app", breaks)

    code, out, err = ended(capsys, "--json")
    assert (code, json.loads(out)["error"]["message"]) == (1, "ValueError: no such thing")
    assert "fault of the program" in err


def test_a_message_without_parts_is_given_whole() -> None:
    from assembly_line.cli.exits import parts

    assert parts(RequestRefused("nothing is running"))["where"] is None
