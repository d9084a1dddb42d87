"""What a run would start: its jobs, what each learns from, their instances and how long each may take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, assert_never

from assembly_line.declarations.training.validation import FURTHER_AT_ONCE
from assembly_line.names import Phase
from assembly_line.training.attempts import MOST_SPOT_ATTEMPTS
from assembly_line.training.hyperparameters import Value, resolve, searched
from assembly_line.training.phases import Fit, fit_of, further_fits

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line


def plan_of(line: Line, requested: Mapping[str, Value]) -> dict[str, Any]:
    """The training jobs of a run in their order, and what to know about them.

    Returns:
        `hyperparameters` (those that are not searched), `search` (the names of the others), `jobs`, `training_jobs`
        (how many these are) and `notes`, which are sentences. Of a job: `step`, what it `learns_from` and is
        `asked_about`, `jobs`, `at_once`, `instance_type`, `instance_count`, `volume_gib`, `spot`, `runs_seconds` and
        `takes_seconds` at most, with its waits for spot instances, and `goes_on`: whether it finds its checkpoints.

    Raises:
        RequestRefused: the line does not declare a hyperparameter.
    """
    values, search = resolve(line, requested), searched(line, requested)
    jobs = list(_jobs(line, search))
    return {
        "hyperparameters": {name: text for name, text in values.items() if name not in search},
        "search": search,
        "jobs": jobs,
        "training_jobs": sum(job["jobs"] for job in jobs),
        "notes": list(_notes(line, search)),
    }


def _jobs(line: Line, search: list[str]) -> Iterator[dict[str, Any]]:
    refit, validation, tuning = line.training.refit, line.validation, line.training.tuning
    if tuning is not None and search:
        trials = {"jobs": tuning.trials, "at_once": tuning.parallel, "goes_on": False}
        yield {**_job(line, "search", "the earlier of the earlier decisions", "the latest of these"), **trials}
    phases = [Phase.JUDGED, *([Phase.FINAL] if refit else []), *([Phase.REPLICA] if validation.replicate else [])]
    for fit in (*(fit_of(phase, refit=refit) for phase in phases), *further_fits(validation)):
        elsewhere = validation.replicate_on if fit.phase is Phase.REPLICA else None
        job = _job(line, fit.name.replace("-", " "), *_learns_and_asked(line, fit))
        yield {**job, "instance_type": elsewhere or line.training.instance_type}


def _learns_and_asked(line: Line, fit: Fit) -> tuple[str, str]:
    earlier, held_out = "the earlier decisions", "the held-out decisions"
    match fit.phase:
        case Phase.JUDGED | Phase.REPLICA:
            return earlier, held_out
        case Phase.FINAL:
            return "all decisions", f"{held_out}, to check the path"
        case Phase.FOLD:
            return f"the decisions before fold {fit.number}", f"fold {fit.number}"
        case Phase.NOISE:
            return f"{earlier}, with planted noise", held_out
        case Phase.PART:
            return f"{line.validation.learning_curve[fit.number - 1]:.0%} of {earlier}", held_out
        case _:
            assert_never(fit.phase)


def _job(line: Line, step: str, learns_from: str, asked_about: str) -> dict[str, Any]:
    training = line.training
    return {
        "step": step,
        "learns_from": learns_from,
        "asked_about": asked_about,
        "jobs": 1,
        "at_once": 1,
        "instance_type": training.instance_type,
        "instance_count": training.instance_count,
        "volume_gib": training.volume_gib,
        "spot": training.spot,
        "runs_seconds": int(training.timeout.total_seconds()),
        "takes_seconds": int(training.longest.total_seconds()),
        "goes_on": True,
    }


def _notes(line: Line, search: list[str]) -> Iterator[str]:
    training, tuning = line.training, line.training.tuning
    if tuning is not None and search:
        yield (
            f"The search varies {', '.join(search)}. A trial learns from the decisions before the holdout but for the "
            f"latest {training.holdout:.0%} of them, and reports {tuning.metric} on those. It sees nothing of the "
            "holdout. Each trial is a training job that you pay for."
        )
    if further_fits(line.validation):
        yield f"Folds, noise and parts run {FURTHER_AT_ONCE} at once, beside the other fits."
    if training.spot:
        yield (
            "A spot instance costs less, and may be taken away at any time. SageMaker then starts the job again. It "
            "goes on from what train.py kept in the folder of the variable SM_CHECKPOINT_DIR. A script that keeps "
            "nothing there begins anew, and so does every trial of a search."
        )
        yield (
            f"A job that waits for spot instances longer than {training.longest} in all ends. Then the run waits, "
            f"which the board shows, and begins the job again: {MOST_SPOT_ATTEMPTS} times in all."
        )
    if training.instance_count > 1:
        yield (
            f"A job has {training.instance_count} instances, which train.py has to use: each runs the script, with "
            "all rows. The embedded AWS trains on one, and refuses more."
        )
