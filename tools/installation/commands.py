"""Runs the commands of the installation: one line of progress for people, everything they print into a log."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO, TypeAlias

Command: TypeAlias = list[str | Path]


class InstallationError(Exception):
    """Something could not be installed. The message says what, why, and what to do."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment, for its mirrors and certificates, without what would lead Python or pip astray."""
    misleading = {"PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
    kept = {name: value for name, value in os.environ.items() if name not in misleading}
    # A user-wide `user = true` in pip's configuration cannot work inside a virtual environment.
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | dict(extra or {})


def run(
    what: str,
    command: Command,
    *,
    log: Path,
    folder: Path,
    extra: Mapping[str, str] | None = None,
    hold: int | None = None,
    may_fail: bool = False,
) -> None:
    """Run `command` in `folder`, showing `what` and, on a terminal, the line that it printed last.

    Args:
        what: what is done, as a person reads it.
        log: receives everything that the command prints.
        extra: variables beside the caller's environment.
        hold: a file descriptor that the command inherits, so that a lock on it outlives this process.
        may_fail: whether the installation is whole without it.

    Raises:
        InstallationError: the command failed or does not exist; carries the end of its output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    progress = _Progress(what)
    with log.open("w") as file:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env=environment(extra),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                pass_fds=() if hold is None else (hold,),
                start_new_session=True,
            )
        except OSError as error:
            progress.end("failed")
            raise InstallationError(f"{what}: {command[0]} cannot be started: {error}") from error
        code = _follow(process, file, progress)
    if code and not may_fail:
        progress.end("failed")
        end = "\n".join("    " + line for line in log.read_text().splitlines()[-25:])
        raise InstallationError(
            f"{what}: {command[0]} ended with exit code {code}. The end of {log}:\n{end}\n"
            "What is fetched comes from where pip, npm and apt of this machine are configured to look; if that can be "
            "reached again, run the same command again."
        )
    progress.end(f"{time.monotonic() - started:.0f} s")


def _follow(process: subprocess.Popen[str], log: TextIO, progress: _Progress) -> int:
    """Copy what the process prints into its log and its progress until it ends; returns its exit code.

    An interruption ends the process and all that it started.
    """
    with process:
        try:
            for line in process.stdout or ():
                log.write(line)
                progress.show(line)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            progress.end("interrupted")
            raise
    return process.returncode


class _Progress:
    """A line that is rewritten on a terminal, and printed once where there is none."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._rewritten = sys.stderr.isatty()
        print(f"{what} ...", end="" if self._rewritten else "\n", file=sys.stderr, flush=True)

    def show(self, line: str) -> None:
        if self._rewritten and line.strip():
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{f'{self._what} ... {line.strip()}'[:width]}", end="", file=sys.stderr, flush=True)

    def end(self, result: str) -> None:
        if self._rewritten:
            print(f"\r\x1b[K{self._what}: {result}", file=sys.stderr, flush=True)
        else:
            print(f"{self._what}: {result}", file=sys.stderr, flush=True)
