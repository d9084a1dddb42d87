"""A line that `line new` writes works at once: it loads, it is tidy, its own tests and its notebook pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assembly_line.errors import AssemblyError
from assembly_line.loader import load_line
from assembly_line.scaffold import KINDS, new_line

PROJECT = Path(__file__).parents[3]
TEMPLATES = PROJECT / "assembly_line" / "scaffold" / "templates"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = tmp_path_factory.mktemp(request.param) / "lines"
    new_line(lines, "churn", request.param, today=TODAY)
    return lines / "churn"


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_loads_under_its_own_name(folder: Path) -> None:
    release = load_line(folder.parent, "churn")

    assert release.line.name == "churn"
    assert set(release.scripts) == {"train.py", "inference.py"}


def test_nothing_of_the_template_is_left_in_it(folder: Path) -> None:
    written = [path for path in folder.rglob("*") if path.suffix in (".py", ".md", ".ipynb")]
    left = [path.name for path in written if "example" in path.read_text(encoding="utf-8")]
    assert len(written) == 8
    assert left == []


def test_linter_and_formatter_find_nothing(folder: Path) -> None:
    # As they find it in a project that has the library's source beside its lines.
    first_party = "lint.isort.known-first-party=['assembly_line']"
    settings = ("--config", str(PROJECT / "pyproject.toml"), "--config", first_party, "--no-cache")
    run(folder, "ruff", "check", *settings, ".")
    run(folder, "ruff", "format", "--check", *settings[:2], "--no-cache", ".")


def test_its_own_tests_pass(folder: Path) -> None:
    run(folder, "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "-c", "/dev/null", "tests")


def test_its_notebook_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    cells = json.loads((folder / "explore.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {}

    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102  the notebook's own code

    assert "decision_id" in names["frame"].columns  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        (
            "churn",
            "guessing",
            "--for: guessing: expected one of classification, forecasting, multiclass, ranking, regression, survival",
        ),
        ("Churn!", "classification", "Line name 'Churn!'"),
        ("x", "classification", "Line name 'x'"),
    ],
)
def test_what_cannot_be_a_line_is_refused(tmp_path: Path, name: str, kind: str, message: str) -> None:
    with pytest.raises(AssemblyError, match=message):
        new_line(tmp_path, name, kind, today=TODAY)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "churn").mkdir()

    with pytest.raises(AssemblyError, match="is there already"):
        new_line(tmp_path, "churn", "classification", today=TODAY)

    assert list((tmp_path / "churn").iterdir()) == []


@pytest.mark.parametrize("file", sorted(TEMPLATES.glob("*/line.toml")), ids=lambda file: file.parent.name)
def test_a_kind_that_says_its_differences_alone_says_each_of_words_that_are_there(file: Path) -> None:
    differences = tomllib.loads(file.read_text(encoding="utf-8"))
    text = (TEMPLATES / differences["like"] / "line.py").read_text(encoding="utf-8")

    for was, now in differences["says"].items():
        assert text.count(was) == 1, was
        text = text.replace(was, now)
