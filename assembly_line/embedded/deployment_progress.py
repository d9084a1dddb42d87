"""Turns what the CDK's command prints into short lines for a person, and keeps what explains a failure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

DONE = re.compile(r"^\s*✅\s+(?P<stack>[A-Za-z0-9-]+)(?P<unchanged> \(no changes\))?\s*$")
ERROR = re.compile(r"❌|failed:|Error:|_FAILED")
KEPT_LINES = 20


class Progress:
    """Reads the output line by line; reports each stack once, when it is done."""

    def __init__(self, stacks: Sequence[str], report: Callable[[str], None]) -> None:
        self.stacks = tuple(stacks)
        self._report = report
        self._done: list[str] = []
        self._errors: list[str] = []
        self._last: list[str] = []

    def read(self, line: str) -> None:
        """Take one line of the command's output."""
        text = line.rstrip()
        done = DONE.match(text)
        if done and done["stack"] in self.stacks and done["stack"] not in self._done:
            self._done.append(done["stack"])
            unchanged = ", unchanged" if done["unchanged"] else ""
            self._report(f"stack {len(self._done)} of {len(self.stacks)}: {done['stack']}{unchanged}")
        if text and ERROR.search(text):
            self._errors = [*self._errors, text][-KEPT_LINES:]
        if text:
            self._last = [*self._last, text][-KEPT_LINES:]

    def failure(self, reasons: Sequence[str], log: Path) -> str:
        """A message from CloudFormation's own reasons; from the command's output where there are none."""
        details = reasons or self._errors or self._last
        return "\n  ".join([f"the deployment failed (all that was printed is in {log}):", *details])
