"""A line of one's own in five commands, as the README has them, in the embedded AWS."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assembly_line.cli.exits import ExitCode
from tests.documents import ROOT, blocks, words
from tests.embedded.deployed_line import Deployed
from tests.embedded.reader_of_pages import NEW_LINE


def test_the_five_commands_of_the_readme_deliver_the_decisions_of_today(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = next(block.commands for block in blocks(ROOT / "README.md") if f"line new {NEW_LINE}" in block.text)
    placeholders, answers = dict[str, str](), []
    new = tmp_path / "lines" / NEW_LINE

    for command in commands:
        answer = deployed.line(*(placeholders.get(word, word) for word in words(command)[1:]))
        assert answer.code == ExitCode.OK, answer.err
        answers.append(answer.document)
        if "run_id" in answer.document:
            placeholders.setdefault("RUN", answer.document["run_id"])
    # Whoever looks at what is deployed finds it among the other lines.
    shutil.copytree(new, deployed.lines / NEW_LINE)

    written, deployment, trained, approved, scored = answers
    assert (new / "line.py").is_file()
    assert written["line"] == NEW_LINE
    assert deployment["loaded"] == [NEW_LINE]
    assert trained["packet"]["metrics"]["auc"] > trained["packet"]["metrics"]["baseline_auc"]
    assert approved["champion"] == trained["run_id"]
    assert scored["delivered"] == scored["offered"] > 100
