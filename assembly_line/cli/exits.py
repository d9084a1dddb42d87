"""Exit codes, and how an error ends a command: one readable line, no traceback unless asked for."""

from __future__ import annotations

import errno
import os
import re
import traceback
from enum import IntEnum
from typing import Any

from assembly_line.errors import AssemblyError, EmbeddedAwsError, RunFailed, TargetUnreachable

# "field: value: expected this": how messages are built of errors that do not state their parts.
PARTS = re.compile(
    r"(?P<where>[\w.\[\]/-]+(?:: [\w.\[\]/-]+)*): (?P<value>.+?)[:;,]? expected (?P<expected>.+)", re.DOTALL
)


class ExitCode(IntEnum):
    """What a command's exit code says."""

    OK = 0
    RUN_FAILED = 1
    REFUSED = 2
    UNREACHABLE = 3


EXPLAINED = (
    "Exit codes: 0 done. 1 a run failed, or a dataset is not what its plan gives. "
    "2 the command or its input was refused. 3 the target does not answer, or nothing is deployed there."
)


def exit_code_of(error: Exception) -> ExitCode | None:
    """The code that an expected error ends a command with; None for a fault of the program itself."""
    if isinstance(error, RunFailed):
        return ExitCode.RUN_FAILED
    if isinstance(error, (TargetUnreachable, EmbeddedAwsError)):
        return ExitCode.UNREACHABLE
    if isinstance(error, AssemblyError) or hasattr(error, "format_message"):  # the latter is how typer refuses
        return ExitCode.REFUSED
    return ExitCode.UNREACHABLE if _from_aws(error) else None


def describe(error: Exception) -> str:
    """The error for a person: ours as they are, those of AWS with the call that failed."""
    said = _said(error)
    if os.strerror(errno.ENOSPC).lower() in said.lower():
        said += "\nThe file system of the state folder (or of temporary files) is full: free some space, then repeat"
    return said


def parts(error: Exception) -> dict[str, str | None]:
    """The error for a program: kind, whole message, and its parts, where it is about one value."""
    said = describe(error)
    stated = {name: getattr(error, name, None) for name in ("where", "value", "expected")}
    found = None if any(stated.values()) else PARTS.fullmatch(said)
    return {"kind": type(error).__name__, "message": said, **(found.groupdict() if found else stated)}


def _said(error: Exception) -> str:
    response: dict[str, Any] = getattr(error, "response", {}) or {}
    if "Error" in response:
        found = response["Error"]
        operation = getattr(error, "operation_name", "a call")
        return f"AWS refused {operation}: {found.get('Code')}: {found.get('Message')}"
    if _from_aws(error):
        return f"{error}; is the target running, and are its credentials valid? (`line status`)"
    if hasattr(error, "format_message"):
        return str(error.format_message())
    return str(error) if isinstance(error, AssemblyError) else f"{type(error).__name__}: {error}"


def trace(error: Exception) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def _from_aws(error: Exception) -> bool:
    return any(kind.__module__.startswith("botocore.") for kind in type(error).__mro__)
