"""Runs of the dataset machine: started in somebody's name, looked at, cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict, NotFound
from assembly_line.instants import format_instant
from assembly_line.names import is_child, work_item
from assembly_line.stations import DATASET
from assembly_line.storage import SUCCEEDED, Execution, execution_arn, start_requested

if TYPE_CHECKING:
    from assembly_line.requests import DatasetRequest
    from assembly_line.storage import Account


def started(account: Account, request: DatasetRequest, *, author: str) -> dict[str, str]:
    """Start a run in the name of its author.

    Returns:
        `run_id` and `execution_arn`.
    """
    return start_requested(account, DATASET, request, author=author, step="dataset")


def described(account: Account, line: str, run: str) -> dict[str, Any]:
    """A run of this line, as JSON values.

    Raises:
        NotFound: there is none, or it is another line's.
    """
    return _described(account, line, _of_line(account, line, run))


def cancelled_of_line(account: Account, line: str, run: str, *, by: str) -> dict[str, Any]:
    """Stop a run of this line, as JSON values.

    Raises:
        NotFound: there is none, or it is another line's.
        Conflict: it had ended before.
    """
    stopped = _stopped(account, _of_line(account, line, run).arn, by)
    if not stopped.was_stopped:
        raise Conflict(f"run {run} of line {line} had {stopped.status.lower()} before it could be cancelled")
    return _described(account, line, stopped)


def cancelled(account: Account, run: str, *, by: str) -> dict[str, Any]:
    """Stop the run, as JSON values of what was stopped.

    What it had written stays invisible, as there is no manifest, and an equal request starts at once: its claim holds
    only while it runs.

    Raises:
        NotFound: there is no such run.
        Conflict: it had ended before.
    """
    arn = execution_arn(account.named(DATASET.parameter), run)
    try:
        found = _stopped(account, arn, by)
    except NotFound as error:
        raise NotFound(
            f"there is no dataset run {run!r} here; `line dataset build` prints a run's name",
            where="run",
            value=repr(run),
            expected="a dataset run that there is",
        ) from error
    if not found.was_stopped:
        raise Conflict(f"run {run} had {found.status.lower()} before it could be cancelled; nothing was changed")
    request = found.request if isinstance(found.request, dict) else {}
    return {
        "run_id": run,
        "line": request.get("line"),
        "status": found.status,
        "started_at": format_instant(found.started),
        # A training or scoring run waits for the dataset that is called after it.
        "fails_too": work_item(run) if is_child(run) else None,
    }


def _stopped(account: Account, arn: str, by: str) -> Execution:
    return account.machines.stop(arn, error="Cancelled", cause=f"cancelled by {by}")


def _of_line(account: Account, line: str, run: str) -> Execution:
    missing = f"line {line!r} has no dataset run {run!r}"
    try:
        found = account.machines.describe(execution_arn(account.named(DATASET.parameter), run))
    except NotFound as error:
        raise NotFound(missing) from error
    if not isinstance(found.request, dict) or found.request.get("line") != line:
        raise NotFound(missing)
    return found


def _described(account: Account, line: str, found: Execution) -> dict[str, Any]:
    author = (account.control.run(line, found.name) or {}).get("author")
    ended = {} if found.stopped is None else {"stopped_at": format_instant(found.stopped)}
    answered = {"dataset": found.output} if found.status == SUCCEEDED else {}
    failed = {"reason": found.reason} if found.error or found.cause else {}
    return {
        "run_id": found.name,
        "line": line,
        "status": found.status,
        "author": author,
        "started_at": format_instant(found.started),
        **ended,
        **answered,
        **failed,
    }
