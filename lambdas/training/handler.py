"""The training machine's own steps: begin; prepare and package each fit; evaluate the judged one, register the last.

`phase` in an event says which fit is meant (see `assembly_line.names.Phase`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.decision_ids import day_of
from assembly_line.declarations.images import Image, image
from assembly_line.declarations.instance_types import local_storage_gb
from assembly_line.environments import TrainingEnvironment
from assembly_line.errors import NotFound
from assembly_line.features import read_columns
from assembly_line.instants import format_instant
from assembly_line.names import (
    CONTAINER_MODEL_CODE,
    LedgerKind,
    Phase,
    job_name,
    job_role,
    release_code_prefix,
    require_run_name,
)
from assembly_line.release import Release
from assembly_line.requests import DatasetRequest, TrainingRequest
from assembly_line.storage import PackageContent, runs
from assembly_line.training import (
    UNVERIFIED,
    EvaluatedModel,
    Fit,
    Limits,
    PackagedModel,
    PreparedJob,
    RunContext,
    TrainingInputs,
    Truth,
    build_archive,
    columns_needed,
    compared,
    fit_of,
    not_better,
    not_replicated,
    preparation,
    read_answers,
    replication,
    resolve,
    run_record,
    script_mode,
    training_inputs,
    validated,
)
from assembly_line.training import evaluate as measure
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assembly_line.declarations.lines import Line
    from assembly_line.outcome_kinds import Answer

logger = Logger(service="training")
account = partial(account_of, TrainingEnvironment)


@logger.inject_lambda_context
def begin(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the request before anything is built, and fix what the run is: release, hyperparameters, author."""
    require_run_name(event["run_id"])
    request = TrainingRequest.parse(event["input"])
    release = account().released.release(request.line, request.release)
    digest = release.digest
    kind = release.line.predicts.name
    _image_of(release)
    asked = account().control.run(request.line, event["run_id"])
    dataset = DatasetRequest(
        line=request.line, purpose="training", as_of=request.as_of, engine=request.engine, release=digest
    )
    run = RunContext(
        run_id=event["run_id"],
        line=request.line,
        release=digest,
        as_of=format_instant(request.as_of),
        author=UNVERIFIED if asked is None else asked["author"],
        author_verified=asked is not None,
        hyperparameters=resolve(release.line, request.hyperparameters),
        dataset_request=dataset.to_json(),
        started_at=event["started_at"],
        refit=release.line.training.refit,
        replicate=release.line.validation.replicate,
        margin=request.margin,
    )
    logger.info("run begins", extra={"line": run.line, "run_id": run.run_id, "release": digest, "kind": kind})
    return run.to_json()


@logger.inject_lambda_context
def prepare(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the dataset, split it by time, and write what the fit's job and its scoring of the holdout read."""
    run, dataset, phase = RunContext.from_json(event["context"]), event["dataset"], Phase(event["phase"])
    release = account().releases.read(run.release)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        account().datasets.download_checked(run.line, dataset["dataset_id"], path)
        inputs = training_inputs(read_columns(path, columns_needed(release.line)), release.line, phase=phase)
    store = _files(run, fit_of(phase, refit=release.line.training.refit))
    store.write_inputs(inputs)
    job = _job(run, release, phase, inputs)
    store.write_json(runs.REQUEST, preparation(run, dataset, inputs, _image_of(release), job))
    logger.info(
        "inputs written", extra={"line": run.line, "run_id": run.run_id, "phase": str(phase), "rows": inputs.rows}
    )
    return job.to_json()


def _job(run: RunContext, release: Release, phase: Phase, inputs: TrainingInputs) -> PreparedJob:
    training, environment = release.line.training, TrainingEnvironment.from_process()
    fit = fit_of(phase, refit=training.refit)
    store = _files(run, fit)
    partition = account().client("sagemaker").meta.partition
    role = job_role(environment.assembly_environment, run.line)
    return PreparedJob(
        job_name=job_name(run.line, run.run_id, fit.train, 1),
        role_arn=f"arn:{partition}:iam::{environment.account_id}:role/{role}",
        image=_image_of(release).uri,
        hyperparameters=script_mode(run.hyperparameters, training.script),
        train_uri=store.uri("train/"),
        code_uri=account().store.uri(release_code_prefix(run.release)),
        output_uri=store.uri(runs.JOB_OUTPUT).removesuffix("/"),
        instance_type=_instance_type(release.line, phase),
        volume_gib=training.volume_gib,
        timeout_seconds=int(training.timeout.total_seconds()),
        rows=inputs.rows,
        holdout_rows=len(inputs.truth.decision_id),
        holdout_input_uri=store.uri("holdout/input/"),
        holdout_output_uri=store.uri("holdout/output"),
        local_storage=local_storage_gb(_instance_type(release.line, phase)) is not None,
        transform_instance_type=training.scores_on,
        transform_local_storage=local_storage_gb(training.scores_on) is not None,
        output_filter=release.line.predicts.output_filter(len(inputs.schema["features"])),
    )


def _instance_type(line: Line, phase: Phase) -> str:
    elsewhere = line.validation.replicate_on if phase is Phase.REPLICA else None
    return elsewhere or line.training.instance_type


@logger.inject_lambda_context
def package(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check what the job saved, put the release's code beside it, and name the archive by its digest."""
    run, prepared = RunContext.from_json(event["context"]), PreparedJob.from_json(event["prepared"])
    release = account().releases.read(run.release)
    fit = fit_of(Phase(event["phase"]), refit=release.line.training.refit)
    store = _files(run, fit)
    with TemporaryDirectory() as folder:
        saved, final = Path(folder) / "saved.tar.gz", Path(folder) / "model.tar.gz"
        store.download_artifact(event["model_artifact"], saved, largest=Limits().packed_bytes)
        digest = build_archive(saved, release.scripts, final)
        uri = store.upload_archive(final)
    packaged = PackagedModel(
        model_name=job_name(run.line, run.run_id, fit.model, 1),
        model_data_uri=uri,
        digest=digest,
        image=prepared.image,
        role_arn=prepared.role_arn,
        environment={
            "SAGEMAKER_PROGRAM": release.line.training.inference,
            "SAGEMAKER_SUBMIT_DIRECTORY": CONTAINER_MODEL_CODE,
        },
        transform_job_name=job_name(run.line, run.run_id, fit.score, 1),
    )
    store.write_json(runs.PACKAGE, packaged.to_json())
    logger.info("model packaged", extra={"line": run.line, "run_id": run.run_id, "digest": digest})
    return packaged.to_json()


@logger.inject_lambda_context
def evaluate(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Judge the answers of the judged fit, or check those of the final one; then register what is delivered.

    The final fit has learnt from the held-out decisions, so its answers say nothing about how good it is. They say that
    the archive that is delivered loads, reads its own encoding and gives each decision an answer that can be used.
    """
    run, phase = RunContext.from_json(event["context"]), Phase(event["phase"])
    release = account().releases.read(run.release)
    refit = release.line.training.refit
    store = _files(run, fit_of(phase, refit=refit))
    truth = store.truth()
    kind = release.line.predicts
    asked = read_answers(store.answers(), truth.asked, kind=kind, fit=phase)
    answers, nudged = asked[: len(truth.decision_id)], asked[len(truth.decision_id) :]
    if phase is Phase.JUDGED:
        metrics = measure(
            answers,
            truth,
            kind=kind,
            prior=store.read_json(runs.REQUEST)["prior"],
            baseline_feature=release.line.training.baseline,
            champion=_beside_the_champion(release.line, answers, truth),
        )
        _files(run).write_json(runs.EVALUATION, metrics)
        found = validated(release.line, answers, nudged, truth, metrics)
        found = found if not run.replicate else _replicated(run, release, found, answers, truth)
        _files(run).write_json(runs.VALIDATION, found)
        logger.info("recipe evaluated", extra={"line": run.line, "run_id": run.run_id, "rows": metrics["rows"]})
        blocked = [
            *(found["missed"] if release.line.validation.block else []),
            *not_better(kind, metrics, run.margin),
        ]
        if refit or blocked:
            # The final fit is what is delivered; of this one the measures stay, and the archive.
            account().registry(run.line).discard_model(store.fitted().packaged.model_name)
        if blocked and run.refit:
            account().registry(run.line).discard_model(_files(run).fitted().packaged.model_name)
        if blocked:
            return _blocked(run, release, metrics, blocked).to_json()
        if refit:
            return _evaluated(run, metrics, refit=True).to_json()
    return _register(run, release, event["dataset"]["dataset_id"]).to_json()


def _replicated(
    run: RunContext, release: Release, found: dict[str, Any], answers: Sequence[Answer], truth: Truth
) -> dict[str, Any]:
    """What was found of the judged fit, with how far the fit that repeats it gives the same."""
    judged, replica = (
        _files(run, fit_of(phase, refit=release.line.training.refit)) for phase in (Phase.JUDGED, Phase.REPLICA)
    )
    again = read_answers(replica.answers(), truth.asked, kind=release.line.predicts, fit=Phase.REPLICA)
    compared = replication(
        judged.fitted(), replica.fitted(), answers, again[: len(answers)], tolerance=release.line.validation.tolerance
    )
    account().registry(run.line).discard_model(replica.fitted().packaged.model_name)
    missed = [] if compared["replicated"] else [not_replicated(compared)]
    return {**found, "replication": compared, "missed": [*found["missed"], *missed]}


def _beside_the_champion(line: Line, answers: Sequence[Answer], truth: Truth) -> dict[str, Any] | None:
    """What the champion said of the same decisions when they were taken; None where nothing can be compared."""
    try:
        champion = account().control.champion(line.name)
        if not line.predicts.answers_like(account().releases.read(champion.release).line.predicts):
            return None
    except NotFound:
        return None
    predictions = account().ledger.read(
        line.name, LedgerKind.PREDICTIONS, since_day=min(map(day_of, truth.decision_id))
    )
    return compared(answers, truth, predictions, kind=line.predicts, run_id=champion.run_id)


def _evaluated(
    run: RunContext, metrics: dict[str, Any], *, refit: bool, arn: str | None = None, version: int | None = None
) -> EvaluatedModel:
    return EvaluatedModel(
        metrics=metrics,
        evaluation_uri=_files(run).uri(runs.EVALUATION),
        refit=refit,
        model_package_arn=arn,
        model_package_version=version,
    )


def _blocked(run: RunContext, release: Release, metrics: dict[str, Any], blocked: list[str]) -> EvaluatedModel:
    """Keep the record of a run that ends here: nothing of it is registered or delivered."""
    evaluated = replace(_evaluated(run, metrics, refit=release.line.training.refit), blocked=blocked)
    judged = _files(run, fit_of(Phase.JUDGED, refit=release.line.training.refit)).fitted()
    record = run_record(release, evaluated, judged=judged, delivered=None, validation=_validation(run))
    _files(run).write_json(runs.RECORD, record)
    logger.info("recipe did not pass", extra={"line": run.line, "run_id": run.run_id})
    return evaluated


def _validation(run: RunContext) -> dict[str, Any] | None:
    """None of a run that an earlier version evaluated."""
    try:
        return _files(run).read_json(runs.VALIDATION)
    except NotFound:
        return None


def _register(run: RunContext, release: Release, dataset_id: str) -> EvaluatedModel:
    """Register the delivered fit as pending, with the measures of the judged one, and keep the record of the run."""
    refit = release.line.training.refit
    judged = _files(run, fit_of(Phase.JUDGED, refit=refit)).fitted()
    delivered = _files(run).fitted()
    packaged = delivered.packaged
    registered = (
        account()
        .registry(run.line)
        .register(
            PackageContent(
                run_id=run.run_id,
                image=packaged.image,
                model_data_uri=packaged.model_data_uri,
                environment=packaged.environment,
                evaluation_uri=_files(run).uri(runs.EVALUATION),
                instance_type=release.line.training.scores_on,
                metadata={
                    "run_id": run.run_id,
                    "digest": packaged.digest,
                    "release": run.release,
                    "dataset_id": dataset_id,
                },
            )
        )
    )
    metrics = _files(run).read_json(runs.EVALUATION)
    evaluated = _evaluated(run, metrics, refit=refit, arn=registered.arn, version=registered.version)
    record = run_record(release, evaluated, judged=judged, delivered=delivered, validation=_validation(run))
    _files(run).write_json(runs.RECORD, record)
    logger.info("model registered", extra={"line": run.line, "run_id": run.run_id, "digest": packaged.digest})
    return evaluated


def _image_of(release: Release) -> Image:
    training = release.line.training
    return image(training.framework, training.framework_version, account().client("sagemaker").meta.region_name)


def _files(run: RunContext, fit: Fit | None = None) -> runs.RunStore:
    """Of a fit, or of the run as a whole: evaluation and record."""
    return account().run(run.line, run.run_id, fit="" if fit is None else fit.folder)
