"""Training runs, started in somebody's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import start_requested
from assembly_line.training import hyperparameters
from assembly_line.training.planned import plan_of

if TYPE_CHECKING:
    from assembly_line.requests import TrainingRequest
    from assembly_line.storage import Account


def planned(account: Account, request: TrainingRequest) -> dict[str, Any]:
    """What a run would start, as of `plan_of`, with `line` and `release`. Nothing is started.

    Raises:
        NotFound: the line was never released.
        RequestRefused: the line does not declare a hyperparameter, or has no such release.
    """
    release = account.released.release(request.line, request.release)
    return {"line": request.line, "release": release.digest, **plan_of(release.line, request.hyperparameters)}


def started(account: Account, request: TrainingRequest, *, author: str) -> dict[str, str]:
    """Start a run.

    Returns:
        `run_id` and `execution_arn`.

    Raises:
        NotFound: the line was never released.
        RequestRefused: the line does not declare a hyperparameter.
    """
    declared = account.released.current(request.line)
    if request.release is None:  # the run checks those of an older release, as soon as it begins
        hyperparameters.resolve(declared, request.hyperparameters)
    return start_requested(account, TRAINING_RUN, request, author=author)
