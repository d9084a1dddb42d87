"""The search for hyperparameters before the fits: what its trials read, and the values that it found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.declarations.sagemaker.instance_types import local_storage_gb
from assembly_line.features import read_columns
from assembly_line.names import release_code_prefix, tuning_name
from assembly_line.storage import runs, trials_of
from assembly_line.training import (
    TRIALS,
    PreparedSearch,
    RunContext,
    algorithm_of_trials,
    columns_needed,
    found_by,
    job_config,
    script_mode,
    trial_inputs,
    trials_to_json,
)
from lambdas.training.resources import account, role_of_jobs, stopping

if TYPE_CHECKING:
    from assembly_line.declarations.sagemaker.images import Image
    from assembly_line.declarations.training.training import Training
    from assembly_line.declarations.training.tuning import Tuning
    from assembly_line.release import Release

logger = Logger(service="training")
FOLD = ("rows", "fold_rows", "fold_from", "purged")


def prepare_trials(
    run: RunContext, dataset: Mapping[str, Any], *, image_of: Callable[[Release], Image]
) -> dict[str, Any]:
    """Write what the trials read, which is nothing of the held-out decisions, and say how to search."""
    release = account().releases.read(run.release)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        account().datasets.download_checked(run.line, dataset["dataset_id"], path)
        inputs = trial_inputs(read_columns(path, columns_needed(release.line)), release.line)
    _files(run).write_trials(inputs)
    fold = {name: getattr(inputs, name) for name in FOLD}
    logger.info("trials prepared", extra={"line": run.line, "run_id": run.run_id, **fold})
    return _search(run, release, image_of(release), fold).to_json()


def _search(run: RunContext, release: Release, image: Image, fold: dict[str, Any]) -> PreparedSearch:
    training, store = release.line.training, _files(run)
    tuning = _declared(training)
    fixed = {name: text for name, text in run.hyperparameters.items() if name not in run.search}
    return PreparedSearch(
        job_name=tuning_name(run.line, run.run_id, 1),
        role_arn=role_of_jobs(run.line),
        algorithm=algorithm_of_trials(tuning, image.uri),
        config=job_config(tuning, run.search),
        hyperparameters=script_mode(fixed, training.script),
        train_uri=store.uri("train/"),
        validation_uri=store.uri("validation/"),
        code_uri=account().store.uri(release_code_prefix(run.release)),
        output_uri=store.uri(runs.JOB_OUTPUT).removesuffix("/"),
        instance_type=training.instance_type,
        instance_count=training.instance_count,
        volume_gib=training.volume_gib,
        local_storage=local_storage_gb(training.instance_type) is not None,
        spot=training.spot,
        stopping=stopping(training),
        fold=fold,
        longest_seconds=tuning.rounds() * int(training.longest.total_seconds()),
    )


def take_best(run: RunContext, job: str, *, fold: Mapping[str, Any]) -> dict[str, Any]:
    """Keep every trial, and go on with the values of the best."""
    tuning = _declared(account().releases.read(run.release).line.training)
    trials = trials_of(account().client("sagemaker"), job)
    found, values = found_by(trials, tuning, job=job, fold=fold)
    account().run(run.line, run.run_id).write_json(runs.TUNING, {**found, "tried": trials_to_json(trials)})
    logger.info("search ended", extra={"line": run.line, "run_id": run.run_id, "job": job, "trials": len(trials)})
    return replace(run, hyperparameters=run.hyperparameters | values, tuned=found).to_json()


def _declared(training: Training) -> Tuning:
    if training.tuning is None:
        raise ValueError("a run that does not search has no trials")
    return training.tuning


def _files(run: RunContext) -> runs.RunStore:
    return account().run(run.line, run.run_id, fit=TRIALS)
