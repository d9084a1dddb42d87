"""FailureReason as SageMaker writes it, from what a script left behind."""

from __future__ import annotations

import re
import signal

REASON_LIMIT = 1024
EXCEPTION_LINE = re.compile(r"[A-Za-z_][\w.]*(: .*)?$")
TRACEBACK = "Traceback (most recent call last):"


def last_exception_line(lines: list[str]) -> str:
    """The line that names the last exception of a Python program's standard error.

    That is the first unindented line after the last traceback's frames, else the last line with anything in it.
    """
    starts = [number for number, line in enumerate(lines) if line.strip() == TRACEBACK]
    if starts:
        for line in lines[starts[-1] + 1 :]:
            if line and not line[0].isspace() and EXCEPTION_LINE.match(line):
                return line.strip()
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def script_failure(exit_code: int, error_lines: list[str], *, command: str, written: str | None = None) -> str:
    """The reason of a training script that ended with an error.

    Args:
        exit_code: as of `subprocess`: negative is the signal that ended it.
        error_lines: the last lines of its standard error.
        command: as it was called.
        written: what it wrote to /opt/ml/output/failure, which wins, as in AWS.
    """
    if written is not None:
        return f"AlgorithmError: {written}"[:REASON_LIMIT]
    message = signal_message(exit_code) if exit_code < 0 else last_exception_line(error_lines)
    text = (
        f'AlgorithmError: ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{message}"\nCommand "{command}"'
    )
    return text[:REASON_LIMIT]


def signal_message(exit_code: int) -> str:
    """What ended a process whose return code is negative."""
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    return f"the job's process was ended by {name} from outside (or for want of memory)"
