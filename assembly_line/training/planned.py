"""What a run would start: its jobs, their instances, and how long each may take. Nothing is started for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.training.attempts import MOST_SPOT_ATTEMPTS
from assembly_line.training.hyperparameters import Value, resolve, searched

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line


def planned(line: Line, requested: Mapping[str, Value]) -> dict[str, Any]:
    """The training jobs of a run in their order, and what to know about them.

    Returns:
        `hyperparameters` (those that are not searched), `search` (the names of the others), `jobs`, and `notes`, which
        are sentences. Of a job: `step`, `jobs`, `at_once`, `instance_type`, `instance_count`, `volume_gib`, `spot`,
        `runs_seconds` and `takes_seconds` at most, with its waits for spot instances, and `goes_on`: whether it finds
        its checkpoints.

    Raises:
        RequestRefused: the line does not declare a hyperparameter.
    """
    values, search = resolve(line, requested), searched(line, requested)
    return {
        "hyperparameters": {name: text for name, text in values.items() if name not in search},
        "search": search,
        "jobs": list(_jobs(line, search)),
        "notes": list(_notes(line, search)),
    }


def _jobs(line: Line, search: list[str]) -> Iterator[dict[str, Any]]:
    training, validation, tuning = line.training, line.validation, line.training.tuning
    if tuning is not None and search:
        yield {**_job(line, "search"), "jobs": tuning.trials, "at_once": tuning.parallel, "goes_on": False}
    yield _job(line, "judged fit")
    if training.refit:
        yield _job(line, "final fit")
    if validation.replicate:
        elsewhere = validation.replicate_on or training.instance_type
        yield {**_job(line, "replica"), "instance_type": elsewhere}


def _job(line: Line, step: str) -> dict[str, Any]:
    training = line.training
    return {
        "step": step,
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
