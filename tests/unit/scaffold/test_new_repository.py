"""A repository that `line new --repository` writes: its targets work, and what its editors and GitHub read is right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from assembly_line.errors import RequestRefused
from assembly_line.scaffold import KINDS, new_line, new_repository

PROJECT = Path(__file__).parents[3]
TODAY = datetime.now(UTC).date()
LINE = "churn"
CHECKOUT = ".assembly_line"
MARK = "<!-- line diff -->"
# Stands in for GitHub's command: it keeps what it is given, and knows of the comments in a file.
GH = """\
#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in *--paginate*) cat "$COMMENTS" ;; esac
"""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with a line of each kind, and a commit."""
    folder = tmp_path_factory.mktemp("mine") / "repository"
    new_repository(folder, LINE, "classification", today=TODAY)
    for kind in KINDS:
        if kind != "classification":
            new_line(folder / "lines", f"of_{kind}", kind, today=TODAY)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Begin")
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.com")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def run(folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in the repository, whose checkout of the assembly line is this project."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "ASSEMBLY_LINE": str(PROJECT), **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """The repository, to be changed: with the line of one kind, and what the checks of the first found."""
    folder = tmp_path / "repository"
    shutil.copytree(repository, folder, ignore=shutil.ignore_patterns("of_*"))
    return folder


def test_its_checks_pass_for_a_line_of_each_kind(repository: Path) -> None:
    done = run(repository, "make", "check")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{2 * len(KINDS)} passed" in done.stdout
    assert git(repository, "status", "--porcelain") == "", "a check leaves nothing that git would take"


@pytest.mark.parametrize(
    ("file", "added", "told"),
    [
        ("line.py", "x   = 1\n", "File would be reformatted"),
        ("train.py", "\n\nimport os.path\n", "E402"),
        ("data.py", "\n\ndef rows(table):\n    return len(table)\n", "no-untyped-def"),
        (
            "tests/test_line.py",
            "\n\ndef test_no() -> None:\n    assert FOLDER is None\n",
            "1 failed",
        ),
    ],
)
def test_its_checks_find_what_is_wrong(copy: Path, file: str, added: str, told: str) -> None:
    with (copy / "lines" / LINE / file).open("a", encoding="utf-8") as stream:
        stream.write(added)

    done = run(copy, "make", "check")

    assert done.returncode != 0
    assert told in done.stdout + done.stderr


def test_without_the_assembly_line_a_target_says_what_to_do(copy: Path) -> None:
    done = run(copy, "make", "check", ASSEMBLY_LINE=".assembly_line")

    assert done.returncode != 0
    assert "There is no checkout of the assembly line in .assembly_line: clone it there, or link yours." in done.stderr


def steps_of(workflow: dict[str, Any], job: str) -> Iterator[dict[str, Any]]:
    yield from workflow["jobs"][job]["steps"]


def workflow_of(repository: Path) -> dict[str, Any]:
    text = (repository / ".github" / "workflows" / "check.yml").read_text(encoding="utf-8")
    read: dict[str, Any] = YAML(typ="safe").load(text)
    return read


def test_the_workflow_comments_with_what_a_change_would_do(copy: Path, tmp_path: Path) -> None:
    workflow = workflow_of(copy)
    base = git(copy, "rev-parse", "HEAD")
    edit(copy / "lines" / LINE / "line.py", "count(VISITS, window=days(14))", "count(VISITS, window=days(7))")
    edit(copy / "lines" / LINE / "line.py", '("shop_desk",)', '("shop_desk", "web_shop")')
    variables = {
        "BASE": base,
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        "LINE_STATE": str(tmp_path / "state"),
        **fake_github(tmp_path, comments=""),
    }

    for job in ("changes", "comment"):
        for step in steps_of(workflow, job):
            if "run" in step:
                done = run(copy, "bash", "-e", "-o", "pipefail", "-c", step["run"], **variables)
                assert done.returncode == 0, done.stdout + done.stderr

    said = (copy / "comment.md").read_text(encoding="utf-8")
    assert said.startswith(MARK)
    assert (tmp_path / "summary.md").read_text(encoding="utf-8") == said
    assert re.search(r"\| features\.visits\\_14d\.window \| 14 days, 0:00:00 \| 7 days, 0:00:00 \|", said)
    assert re.search(r"\| visits\\_14d \| [\d,]+ of [\d,]+ values differ \| 0 \|", said)
    assert re.search(r"\| AUC \| 0\.\d+ \(0\.\d+ to 0\.\d+\) \| 0\.\d+ .*: noise \|", said)
    assert "AWS::SQS::Queue Subscriber-web-shop/Inbox/Queue" in said
    assert len(said) < 65_536
    listed, sent = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    assert "repos/me/mine/issues/7/comments" in listed
    assert sent == "api --method POST repos/me/mine/issues/7/comments --field body=@comment.md --silent"


def test_a_comment_that_is_there_is_renewed(copy: Path, tmp_path: Path) -> None:
    (copy / "comment.md").write_text(MARK, encoding="utf-8")
    (step,) = (step for step in steps_of(workflow_of(copy), "comment") if "run" in step)

    done = run(copy, "bash", "-e", "-c", step["run"], **fake_github(tmp_path, comments="11\n12\n"))

    assert done.returncode == 0, done.stderr
    assert "--method PATCH repos/me/mine/issues/comments/12" in (tmp_path / "calls").read_text(encoding="utf-8")


def test_a_change_of_nothing_says_so(copy: Path, tmp_path: Path) -> None:
    done = run(copy, "make", "diff", BASE="HEAD", LINE_STATE=str(tmp_path / "state"))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"The folder of line {LINE} says what release ")
    assert "No stack changes." not in done.stdout, "nothing was synthesized"


def test_a_base_that_is_not_there_is_told(copy: Path) -> None:
    done = run(copy, "make", "diff", BASE="nowhere")

    assert done.returncode != 0
    assert "There is no commit nowhere to compare with; name one: make diff BASE=main" in done.stderr


def test_the_code_of_a_pull_request_runs_without_a_token_that_may_write(repository: Path) -> None:
    workflow = workflow_of(repository)
    writing = [name for name, job in workflow["jobs"].items() if "write" in job.get("permissions", {}).values()]

    assert workflow["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in workflow["on"]
    assert writing == ["comment"]
    assert not any("checkout" in step.get("uses", "") for step in steps_of(workflow, "comment"))
    # What somebody else may choose, such as the name of a branch, never becomes part of a script.
    for name in workflow["jobs"]:
        assert not any("${{" in step.get("run", "") for step in steps_of(workflow, name))
        for step in steps_of(workflow, name):
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.github-workflows", ".github/workflows/check.yml"),
        ("vendor.github-actions", ".github/actions/tools/action.yml"),
    ],
)
def test_github_reads_them_by_its_published_schema(repository: Path, schema: str, file: str) -> None:
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema)

    done = run(repository, *command, file)

    assert done.returncode == 0, done.stdout + done.stderr


def test_editors_and_the_container_name_what_is_there(repository: Path) -> None:
    read = {name: json.loads((repository / name).read_text(encoding="utf-8")) for name in JSON}
    targets = set(re.findall(r"^([a-z]+):.*  ## ", (repository / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    container = read[".devcontainer/devcontainer.json"]
    shown = {path: path.read_text(encoding="utf-8") for path in (repository / ".run").glob("*.run.xml")}
    commands = [container["postCreateCommand"], *(task["command"] for task in read[".vscode/tasks.json"]["tasks"])]
    for text in shown.values():
        (configuration,) = ET.fromstring(text)  # noqa: S314  our own file
        assert configuration.tag == "configuration"
        assert {"name", "type"} <= set(configuration.attrib)
        options = {one.get("name"): one.get("value") for one in configuration.iter("option")}
        commands += [options["SCRIPT_TEXT"] or ""] if "SCRIPT_TEXT" in options else []

    assert {command.removeprefix("make ") for command in commands} <= targets
    assert container["customizations"]["vscode"]["extensions"] == read[".vscode/extensions.json"]["recommendations"]
    texts = "\n".join([*shown.values(), *map(json.dumps, read.values())])
    named = re.findall(r"\$(?:PROJECT_DIR\$|\{workspaceFolder\})/([\w./${:}-]+)", texts)
    inside = {name.replace("${input:line}", LINE) for name in named if not name.startswith((CHECKOUT, ".line"))}
    assert inside >= {"lines", f"lines/{LINE}/data.py"}
    assert [name for name in inside if not (repository / name).exists()] == []
    tools = [name.removeprefix(CHECKOUT).strip("/") for name in named if name.startswith(CHECKOUT)]
    assert [name for name in tools if not (PROJECT / name).exists()] == []


JSON = (
    ".devcontainer/devcontainer.json",
    ".vscode/extensions.json",
    ".vscode/launch.json",
    ".vscode/settings.json",
    ".vscode/tasks.json",
)


def test_every_command_that_vscode_starts_is_one_of_line(repository: Path) -> None:
    started = json.loads((repository / ".vscode/launch.json").read_text(encoding="utf-8"))["configurations"]
    calls = [one["args"] for one in started if one.get("module") == "assembly_line.cli"]

    assert calls
    for arguments in calls:
        done = run(repository, sys.executable, "-m", "assembly_line.cli", arguments[0], "--help")
        assert done.returncode == 0
        assert all(word in done.stdout for word in arguments if word.startswith("--"))


def test_nothing_of_a_repository_that_is_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("mine", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")

    with pytest.raises(RequestRefused, match=r"which has Makefile already: expected a folder without"):
        new_repository(tmp_path, LINE, "classification", today=TODAY)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["Makefile", "notes.txt"]


def edit(file: Path, before: str, after: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert before in text
    file.write_text(text.replace(before, after), encoding="utf-8")


def fake_github(folder: Path, *, comments: str) -> dict[str, str]:
    """The variables under which `gh` is ours."""
    program = folder / "bin" / "gh"
    program.parent.mkdir()
    program.write_text(GH, encoding="utf-8")
    program.chmod(0o755)
    (folder / "comments").write_text(comments, encoding="utf-8")
    return {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "CALLS": str(folder / "calls"),
        "COMMENTS": str(folder / "comments"),
        "GH_REPO": "me/mine",
        "PULL_REQUEST": "7",
    }
