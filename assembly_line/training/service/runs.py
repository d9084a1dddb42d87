"""Training runs, started in somebody's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from assembly_line.declarations.validation import FURTHER_AT_ONCE
from assembly_line.names import Phase
from assembly_line.stations import TRAINING_RUN
from assembly_line.storage import start_requested
from assembly_line.training import hyperparameters
from assembly_line.training.phases import Fit, fit_of, further_fits

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.requests import TrainingRequest
    from assembly_line.storage import Account


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


def planned(account: Account, request: TrainingRequest) -> dict[str, Any]:
    """Say what a run would start, and start nothing.

    Returns:
        `line`, `fits`: of each `fit` what it `learns_from`, what it is `asked_about`, and its `instance_type`;
        `training_jobs`, and how many of the further ones run `further_at_once`. Each fit is scored once, by a function
        or a transform job.

    Raises:
        NotFound, RequestRefused: as of `started`.
    """
    line = account.released.current(request.line)
    hyperparameters.resolve(line, request.hyperparameters)
    refit, declared = line.training.refit, line.validation
    phases = [Phase.JUDGED, *([Phase.FINAL] if refit else []), *([Phase.REPLICA] if declared.replicate else [])]
    fits = [*(fit_of(phase, refit=refit) for phase in phases), *further_fits(declared)]
    return {
        "line": line.name,
        "fits": [_told(line, fit) for fit in fits],
        "training_jobs": len(fits),
        "further_at_once": FURTHER_AT_ONCE,
    }


def _told(line: Line, fit: Fit) -> dict[str, str]:
    earlier, held_out = "the earlier decisions", "the held-out decisions"
    match fit.phase:
        case Phase.JUDGED | Phase.REPLICA:
            learns, asked = earlier, held_out
        case Phase.FINAL:
            learns, asked = "all decisions", f"{held_out}, to check the path"
        case Phase.FOLD:
            learns, asked = f"the decisions before fold {fit.number}", f"fold {fit.number}"
        case Phase.NOISE:
            learns, asked = f"{earlier}, with planted noise", held_out
        case Phase.PART:
            learns, asked = f"{line.validation.learning_curve[fit.number - 1]:.0%} of {earlier}", held_out
        case _:
            assert_never(fit.phase)
    elsewhere = line.validation.replicate_on if fit.phase is Phase.REPLICA else None
    told = {"learns_from": learns, "asked_about": asked, "instance_type": elsewhere or line.training.instance_type}
    return {"fit": fit.name.replace("-", " "), **told}
