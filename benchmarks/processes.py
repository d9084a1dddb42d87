"""Running one measured process after the other: time limit, and its one line of JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Timer
from typing import Any

PROJECT = Path(__file__).parents[1]


class ProcessFailed(Exception):
    """A measured process ended without an answer. The message carries the end of what it said."""


class TimedOut(Exception):
    """A measured process took longer than it was given."""


def run(command: Sequence[str], *, seconds: float, variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run a command in this project's folder to its end; the JSON of the last line that it printed.

    Raises:
        ProcessFailed: it ended in failure.
        TimedOut: it was stopped, with everything it started.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            start_new_session=True,
        )
        timer = Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            process.wait()
        finally:
            expired = timer.finished.is_set()
            timer.cancel()
        said.seek(0)
        complained.seek(0)
        lines = said.read().splitlines()
        if expired:
            raise TimedOut(f"not done after {seconds:.0f} s")
        if process.returncode:
            raise ProcessFailed(f"{' '.join(command[1:3])}: {complained.read()[-2000:]}")
        return dict(json.loads(lines[-1]))
