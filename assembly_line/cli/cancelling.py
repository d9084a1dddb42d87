"""Cancelling the run of a dataset: its execution is stopped, and what it has started with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import Conflict, NotFound
from assembly_line.instants import format_instant
from assembly_line.names import Parameter, is_child, work_item
from assembly_line.storage.services.machines import execution_arn

if TYPE_CHECKING:
    from assembly_line.cli.target import Target


def cancelled(target: Target, run: str) -> dict[str, Any]:
    """Stop the run, as JSON values of what was stopped.

    What it had written stays invisible, as there is no manifest, and an equal request starts at once: its claim holds
    only while it runs.

    Raises:
        NotFound: there is no such run.
        Conflict: it had ended before.
    """
    arn = execution_arn(target.parameters.value(Parameter.DATASET_MACHINE), run)
    try:
        found = target.machines.stop(arn, error="Cancelled", cause=f"cancelled by {target.caller()}")
    except NotFound as error:
        raise NotFound(f"there is no dataset run {run!r} here; `line dataset build` prints a run's name") from error
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
