"""Runs that somebody asks for: who it was is known before they start."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assembly_line.instants import format_instant
from assembly_line.names import run_name
from assembly_line.stations import Machine

if TYPE_CHECKING:
    from assembly_line.requests import DatasetRequest, TrainingRequest
    from assembly_line.storage.account import Account


def start_requested(
    account: Account,
    machine: Machine,
    request: DatasetRequest | TrainingRequest,
    *,
    author: str,
    step: str | None = None,
) -> dict[str, str]:
    """Start a run in the name of its author.

    Args:
        step: stands in the run's name, after that of the line.

    Returns:
        `run_id` and `execution_arn`.
    """
    run_id = run_name(request.line, step, request.as_of)
    # Before the start: a run that begins must find its author.
    requested = {"author": author, "requested_at": format_instant(datetime.now(UTC))}
    account.control.add_run(request.line, run_id, requested)
    return {
        "run_id": run_id,
        "execution_arn": account.machines.start(account.named(machine.parameter), run_id, request.to_json()),
    }
