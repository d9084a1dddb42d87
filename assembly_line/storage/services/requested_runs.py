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


def pinned(account: Account, request: DatasetRequest | TrainingRequest) -> DatasetRequest | TrainingRequest:
    """The request with the line's current release, if it names none: it means the same whenever the run begins.

    Raises:
        NotFound: the line was never released.
    """
    if request.release is not None:
        return request
    return request.model_copy(update={"release": account.control.current_release(request.line)})


def start_requested(
    account: Account,
    machine: Machine,
    request: DatasetRequest | TrainingRequest,
    *,
    author: str,
    verified: bool = True,
    step: str | None = None,
    run_id: str | None = None,
) -> dict[str, str]:
    """Start a run in the name of its author, by the release that is current now or that the request names.

    Args:
        author: ARN of who asks.
        verified: whether anything vouches for the author.
        step: stands in the run's name, after that of the line.
        run_id: the whole name, where one request must not start two runs.

    Returns:
        `run_id` and `execution_arn`.

    Raises:
        Conflict: a run of this `run_id` was started before.
    """
    run_id = run_id or run_name(request.line, step, request.as_of)
    # Before the start: a run that begins must find its author.
    requested: dict[str, object] = {"author": author, "requested_at": format_instant(datetime.now(UTC))}
    requested |= {} if verified else {"author_verified": False}
    account.control.add_run(request.line, run_id, requested)
    return {
        "run_id": run_id,
        "execution_arn": account.machines.start(
            account.named(machine.parameter), run_id, pinned(account, request).to_json()
        ),
    }
