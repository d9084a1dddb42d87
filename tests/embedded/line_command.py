"""The `line` command as a user calls it, against a state folder of its own."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assembly_line.cli.application import run


@dataclass(frozen=True)
class Answer:
    """How a call ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it printed for a program; a call that failed says why instead."""
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True)
class LineCommand:
    state: Path

    def __call__(self, *arguments: str) -> Answer:
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                run(["--json", "--state", str(self.state), *arguments])
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Answer(code, out.getvalue(), err.getvalue())
