"""A line of one's own in five commands, as the README has them, in the embedded AWS; then its notebook."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assembly_line.cli.exits import ExitCode
from tests.documents import ROOT, blocks, words
from tests.embedded.deployed_line import Deployed
from tests.embedded.reader_of_pages import NEW_LINE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where somebody begins."""
    place = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        yield place


@pytest.fixture(scope="module")
def answers(deployed: Deployed, folder: Path) -> list[dict[str, Any]]:
    """What the five commands answered."""
    commands = next(block.commands for block in blocks(ROOT / "README.md") if f"line new {NEW_LINE}" in block.text)
    placeholders, found = dict[str, str](), []
    for command in commands:
        answer = deployed.line(*(placeholders.get(word, word) for word in words(command)[1:]))
        assert answer.code == ExitCode.OK, answer.err
        found.append(answer.document)
        if "run_id" in answer.document:
            placeholders.setdefault("RUN", answer.document["run_id"])
    # Whoever looks at what is deployed finds it among the other lines.
    shutil.copytree(folder / "lines" / NEW_LINE, deployed.lines / NEW_LINE)
    return found


def test_the_five_commands_of_the_readme_deliver_the_decisions_of_today(
    answers: list[dict[str, Any]], folder: Path
) -> None:
    written, deployment, trained, approved, scored = answers
    assert (folder / "lines" / NEW_LINE / "line.py").is_file()
    assert written["line"] == NEW_LINE
    assert deployment["loaded"] == [NEW_LINE]
    assert trained["packet"]["metrics"]["auc"] > trained["packet"]["metrics"]["baseline_auc"]
    assert approved["champion"] == trained["run_id"]
    assert scored["delivered"] == scored["offered"] > 100


def test_its_notebook_reads_datasets_tables_and_runs(
    answers: list[dict[str, Any]], deployed: Deployed, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINE_STATE", str(deployed.line.state))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    # The tests have MLflow's client without its database.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file:{folder / 'mlflow'}")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for name in deployed.line("credentials").document:
        monkeypatch.setenv(name, "")  # what the notebook sets goes with the test
        monkeypatch.delenv(name)
    cells = json.loads((folder / "lines" / NEW_LINE / "account.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}

    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)  # noqa: S102  the notebook's own code

    _, _, trained, *_ = answers
    (run,) = names["runs"].to_dict("records")
    assert run["metrics.auc"] == trained["packet"]["metrics"]["auc"]
    assert run["tags.mlflow.runName"] == trained["run_id"]
    assert len(names["frame"]) == names["frame"]["decision_id"].nunique() > 1000
    assert names["source"] == f"{NEW_LINE}_customers"
    assert names["rows"]["rows"].tolist() == [300]
    assert {f"{NEW_LINE}_orders", f"{NEW_LINE}_visits"} <= {*names["tables"]["Table"]}
