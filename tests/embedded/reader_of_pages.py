"""A page as its reader follows it: the files that it shows, and its commands one by one."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.documents import ROOT, Block, blocks, words
from tests.embedded.line_command import LineCommand
from tests.embedded.line_slice import SHIPPED

TUTORIAL = ROOT / "docs" / "tutorial.md"
LINE = "coffee"
# The embedded AWS of the tests is up already, and the lines of all tests are deployed together.
DONE_BY_THE_TESTS = ("up", "deploy", "down", "--help")
# Those are for an account, and those of a new line have a test of their own.
ELSEWHERE = "--environment"
NEW_LINE = "reorder"


def write_line_of_the_tutorial(lines: Path) -> None:
    """The line of the tutorial, into a folder of lines: its files, and the two that its reader copies."""
    for block in blocks(TUTORIAL):
        if block.title:
            target = lines.parent / block.title
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
    for script in ("train.py", "inference.py"):
        shutil.copy(SHIPPED / script, lines / LINE)


@dataclass
class Reader:
    """Runs the blocks of a page in a folder, and puts what earlier ones printed in place of the placeholders."""

    page: Path
    line: LineCommand
    placeholders: dict[str, str] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    printed: list[str] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)

    def follow(self, *, python: bool = True) -> None:
        """All of it, in order, in the working folder."""
        for block in blocks(self.page):
            if block.language == "console":
                for command in block.commands:
                    self.type(words(command))
            elif block.language == "python" and not block.title and python:
                self.run(block)

    def type(self, command: list[str]) -> None:
        program, *arguments = [self.placeholders.get(word, word) for word in command]
        if program.endswith("line") and arguments[0] not in (*DONE_BY_THE_TESTS, ELSEWHERE) and NEW_LINE not in command:
            self.answer(arguments, self.line(*arguments).document)
        elif program == "python":
            subprocess.run([sys.executable, *arguments], check=True, timeout=60)

    def answer(self, arguments: list[str], document: Any) -> None:
        self.answers[" ".join(arguments[:2])] = document
        match arguments:
            case ["dataset", "build", *_] if "--explain" not in arguments:
                self.placeholders.setdefault("DATASET", document["dataset_id"])
                self.placeholders["OTHER"] = document["dataset_id"]
            case ["train", *_]:
                self.placeholders["RUN"] = document["run_id"]
            case ["score", *_]:
                self.placeholders["SCORED"] = document["dataset_id"]

    def run(self, block: Block) -> None:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block.text, self.page.name, "exec"), self.names)  # noqa: S102
        self.printed.append(out.getvalue())
        if Path("override.json").exists():
            events = json.loads(Path("override.json").read_text(encoding="utf-8"))["events"]
            self.placeholders["DECISION"] = events[0]["decision_id"]
