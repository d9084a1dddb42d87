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
from assembly_line.declarations.sagemaker.images import Image, image_of
from assembly_line.declarations.sagemaker.instance_types import local_storage_gb
from assembly_line.environments import TrainingEnvironment
from assembly_line.errors import NotFound, RequestRefused
from assembly_line.features import read_columns
from assembly_line.instants import format_instant
from assembly_line.names import (
    CONTAINER_MODEL_CODE,
    LedgerKind,
    Phase,
    job_name,
    release_code_prefix,
    require_run_name,
)
from assembly_line.release import Release
from assembly_line.requests import DatasetRequest, TrainingRequest
from assembly_line.storage import PackageContent, runs
from assembly_line.training import (
    UNVERIFIED,
    AskedAgain,
    EvaluatedModel,
    Fit,
    FittedModel,
    FurtherFit,
    Limits,
    PackagedModel,
    PreparedJob,
    RunContext,
    TrainingInputs,
    Truth,
    build_archive,
    columns_needed,
    compared,
    fit_named,
    fit_of,
    function_bytes,
    further_fits,
    not_better,
    not_replicated,
    preparation,
    read_again,
    read_answers,
    replication,
    require_equal,
    resolve,
    run_record,
    scoring_plan,
    script_mode,
    searched,
    training_inputs,
    validated,
)
from assembly_line.training import evaluate as measure
from lambdas.account import account_of
from lambdas.training.resources import role_of_jobs, stopping
from lambdas.training.searching import prepare_trials, take_best

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assembly_line.declarations.lines import Line
    from assembly_line.outcome_kinds import Answer

logger = Logger(service="training")
account = partial(account_of, TrainingEnvironment)
# The search before the fits is prepared by the same function, and its best values are taken there.
TRIALS, BEST = "trials", "best"


@logger.inject_lambda_context
def begin(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the request before anything is built, and fix what the run is: release, hyperparameters, author."""
    require_run_name(event["run_id"])
    request = TrainingRequest.parse(event["input"])
    release = account().released.release(request.line, request.release)
    digest = release.digest
    kind = release.line.predicts.name
    _image_of(release)
    _require_repeatable(request, release)
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
        author_verified=asked is not None and asked.get("author_verified", True),
        hyperparameters=resolve(release.line, request.hyperparameters),
        dataset_request=dataset.to_json(),
        started_at=event["started_at"],
        scored_by=request.scored_by,
        refit=release.line.training.refit and request.replicates is None,
        replicate=release.line.validation.replicate and request.replicates is None,
        further=[] if request.replicates is not None else [fit.name for fit in further_fits(release.line.validation)],
        replicates=request.replicates,
        margin=request.margin,
        search=searched(release.line, request.hyperparameters),
        review_waits=[int(length.total_seconds()) for length in release.line.review.waits],
        review_announces=[kind for kind, _ in release.line.review.announces],
    )
    logger.info("run begins", extra={"line": run.line, "run_id": run.run_id, "release": digest, "kind": kind})
    return run.to_json()


def _require_repeatable(request: TrainingRequest, release: Release) -> None:
    """Refuse to repeat a run of which nothing is left to compare with, or that was asked for otherwise."""
    if request.replicates is None:
        return
    try:
        record = account().run(request.line, request.replicates).read_json(runs.RECORD)
    except NotFound as error:
        raise NotFound(f"replicates: run {request.replicates!r} of line {request.line} has no record") from error
    context = record["context"]
    said = {"release": record["release"], "as_of": context["as_of"], "hyperparameters": context["hyperparameters"]}
    asked = {
        "release": release.digest,
        "as_of": format_instant(request.as_of),
        "hyperparameters": resolve(release.line, request.hyperparameters),
    }
    for name, value in said.items():
        if asked[name] != value:
            raise RequestRefused.about(
                f"TrainingRequest: {name}",
                str(asked[name]),
                f"{value}, as run {request.replicates} had it",
                "`line runs replicate` asks for it",
            )


@logger.inject_lambda_context
def prepare(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the dataset, split it by time, and write what the fit's job and its scoring of the holdout read."""
    run, dataset = RunContext.from_json(event["context"]), event["dataset"]
    if event["phase"] == TRIALS:
        return prepare_trials(run, dataset, image_of=_image_of)
    if event["phase"] == BEST:
        return take_best(run, event["job"], fold=event["search"]["fold"])
    release = account().releases.read(run.release)
    fit = fit_named(event["phase"], refit=release.line.training.refit)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        account().datasets.download_checked(run.line, dataset["dataset_id"], path)
        inputs = training_inputs(
            read_columns(path, columns_needed(release.line)),
            release.line,
            phase=fit.phase,
            number=fit.number,
            function_bytes=_function_bytes(run, release),
        )
    store = _files(run, fit)
    store.write_inputs(inputs)
    job = _job(run, release, fit, inputs)
    store.write_json(runs.REQUEST, preparation(run, dataset, inputs, _image_of(release, fit.phase), job))
    logger.info(
        "inputs written", extra={"line": run.line, "run_id": run.run_id, "phase": fit.name, "rows": inputs.rows}
    )
    return job.to_json()


def _function_bytes(run: RunContext, release: Release) -> int:
    """The largest batch that a function scores for this run; 0 if a transform job scores any."""
    if run.scored_by == "transform" or release.packages:
        return 0
    most_mib = int(TrainingEnvironment.from_process().function_scoring_mib)
    return function_bytes(_image_of(release).serving_uri, most_mib=most_mib)


def _job(run: RunContext, release: Release, fit: Fit, inputs: TrainingInputs) -> PreparedJob:
    training, environment = release.line.training, TrainingEnvironment.from_process()
    store = _files(run, fit)
    kind = release.line.predicts
    plan = scoring_plan(
        run.scored_by,
        rows=inputs.asked,
        width=kind.width,
        image=_image_of(release).serving_uri,
        most_mib=int(environment.function_scoring_mib),
        carries=bool(release.packages),
    )
    return PreparedJob(
        job_name=job_name(run.line, run.run_id, fit.train, 1),
        role_arn=role_of_jobs(run.line),
        image=_image_of(release, fit.phase).uri,
        hyperparameters=script_mode(run.hyperparameters, training.script),
        train_uri=store.uri("train/"),
        code_uri=account().store.uri(release_code_prefix(run.release)),
        output_uri=store.uri(runs.JOB_OUTPUT).removesuffix("/"),
        instance_type=_instance_type(release.line, fit.phase),
        volume_gib=training.volume_gib,
        timeout_seconds=int(training.timeout.total_seconds()),
        rows=inputs.rows,
        holdout_rows=len(inputs.truth.decision_id),
        holdout_input_uri=store.uri("holdout/input/"),
        holdout_output_uri=store.uri("holdout/output"),
        local_storage=local_storage_gb(_instance_type(release.line, fit.phase)) is not None,
        transform_instance_type=training.scores_on,
        transform_local_storage=local_storage_gb(training.scores_on) is not None,
        output_filter=kind.output_filter(len(inputs.schema["features"])),
        scored_by=plan.by,
        scored_by_because=plan.why,
        instance_count=training.instance_count,
        spot=training.spot,
        checkpoint_uri=store.uri(runs.CHECKPOINTS),
        stopping=stopping(training),
        longest_seconds=int(training.longest.total_seconds()),
    )


def _instance_type(line: Line, phase: Phase) -> str:
    elsewhere = line.validation.replicate_on if phase is Phase.REPLICA else None
    return elsewhere or line.training.instance_type


@logger.inject_lambda_context
def package(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check what the job saved, put the release's code beside it, and name the archive by its digest."""
    run, prepared = RunContext.from_json(event["context"]), PreparedJob.from_json(event["prepared"])
    release = account().releases.read(run.release)
    fit = fit_named(event["phase"], refit=release.line.training.refit)
    store = _files(run, fit)
    with TemporaryDirectory() as folder:
        saved, final = Path(folder) / "saved.tar.gz", Path(folder) / "model.tar.gz"
        store.download_artifact(event["model_artifact"], saved, largest=Limits().packed_bytes)
        digest = build_archive(saved, release.scripts, final, wheels=account().releases.wheels(release))
        uri = store.upload_archive(final)
    packaged = PackagedModel(
        model_name=job_name(run.line, run.run_id, fit.model, 1),
        model_data_uri=uri,
        digest=digest,
        image=_image_of(release).serving_uri,
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
    store = _files(run, fit_of(phase, refit=release.line.training.refit))
    _keep_who_scored(store, event.get("scored", {}).get(phase, {}))
    truth = store.truth()
    answers = _answers(store, release, truth, phase)
    if phase is Phase.JUDGED and (evaluated := _judged(run, release, answers, truth)) is not None:
        return evaluated.to_json()
    return _register(run, release, event["dataset"]["dataset_id"]).to_json()


def _keep_who_scored(store: runs.RunStore, scored: Mapping[str, str]) -> None:
    """Correct the plan of a fit whose function failed. A machine of an earlier version tells nothing."""
    prepared = store.read_json(runs.REQUEST)
    job = {**prepared["job"], **scored}
    if job != prepared["job"]:
        store.write_json(runs.REQUEST, {**prepared, "job": job})


def _judged(run: RunContext, release: Release, answers: Sequence[Answer], truth: Truth) -> EvaluatedModel | None:
    """Keep what the holdout says of the recipe. None where this very fit is to be registered."""
    line, refit = release.line, release.line.training.refit
    store = _files(run, fit_of(Phase.JUDGED, refit=refit))
    asked = AskedAgain(
        nudged=read_again(store.answers(), truth.rows_nudged, kind=line.predicts),
        exchanged=read_again(store.answers(), truth.rows_exchanged, kind=line.predicts),
    )
    metrics = measure(
        answers,
        truth,
        kind=line.predicts,
        prior=store.read_json(runs.REQUEST)["prior"],
        baseline_feature=line.training.baseline,
        champion=_beside_the_champion(line, answers, truth),
    )
    _files(run).write_json(runs.EVALUATION, metrics)
    repeated = _repeated(run, release, answers, truth)
    further = [_looked_into(run, release, name) for name in run.further]
    found = {**validated(line, answers, truth, metrics, again=asked, further=further), "replication": repeated}
    _files(run).write_json(runs.VALIDATION, found)
    logger.info("recipe evaluated", extra={"line": run.line, "run_id": run.run_id, "rows": metrics["rows"]})
    blocked = [
        *(found["missed"] if line.validation.block and run.replicates is None else []),
        *([not_replicated(repeated)] if repeated and not repeated["replicated"] else []),
        *not_better(line.predicts, metrics, run.margin),
    ]
    _discard_models(run, *(fit_named(name, refit=refit) for name in run.further))
    if blocked or run.replicates is not None:
        _discard_models(run, *(fit_of(phase, refit=refit) for phase in (Phase.JUDGED, Phase.FINAL)))
        return _ended(run, release, metrics, blocked)
    if refit:
        # The final fit is what is delivered; of this one the measures stay, and the archive.
        _discard_models(run, fit_of(Phase.JUDGED, refit=True))
        return _evaluated(run, metrics, refit=True)
    return None


def _repeated(run: RunContext, release: Release, answers: Sequence[Answer], truth: Truth) -> dict[str, Any] | None:
    """How far two judged fits give the same: this one and its replica, or the one of the run that this run repeats."""
    refit, tolerance = release.line.training.refit, release.line.validation.tolerance
    mine = _files(run, fit_of(Phase.JUDGED, refit=refit))
    if run.replicate:
        replica = _files(run, fit_of(Phase.REPLICA, refit=refit))
        _discard_models(run, fit_of(Phase.REPLICA, refit=refit))
        first, second, phase = mine, replica, Phase.REPLICA
    elif run.replicates is not None:
        before = account().run(run.line, run.replicates, fit=fit_of(Phase.JUDGED, refit=refit).folder)
        first, second, phase = before, mine, Phase.JUDGED
    else:
        return None
    about = first.truth()
    known = answers if first is mine else _answers(first, release, about, phase)
    same = about.decision_id == truth.decision_id
    again = (answers if second is mine else _answers(second, release, second.truth(), phase)) if same else None
    return replication(first.fitted(), second.fitted(), known, again, tolerance=tolerance)


def _looked_into(run: RunContext, release: Release, name: str) -> FurtherFit:
    """A further fit with its answers."""
    fit, kind = fit_named(name, refit=release.line.training.refit), release.line.predicts
    store = _files(run, fit)
    truth = store.truth()
    return FurtherFit(
        fit=fit,
        prepared=store.read_json(runs.REQUEST),
        truth=truth,
        answers=_answers(store, release, truth, name),
        exchanged=read_again(store.answers(), truth.rows_exchanged, kind=kind),
    )


def _answers(store: runs.RunStore, release: Release, truth: Truth, fit: str) -> list[Answer]:
    """A fit's answers about the held-out decisions, which are the same as the line would score them."""
    content, kind = store.answers(), release.line.predicts
    answers = read_answers(content, truth.decision_id, kind=kind, fit=fit, again=truth.again)
    again = read_again(content, truth.rows_repeated, kind=kind)
    tolerance = release.line.validation.tolerance
    require_equal(fit, answers, again, truth.repeated, truth.decision_id, tolerance=tolerance)
    return answers


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


def _discard_models(run: RunContext, *fits: Fit) -> None:
    for fit in fits:
        try:
            fitted = _files(run, fit).fitted()
        except NotFound:  # that fit has not come so far
            continue
        account().registry(run.line).discard_model(fitted.packaged.model_name)


def _ended(run: RunContext, release: Release, metrics: dict[str, Any], blocked: list[str]) -> EvaluatedModel:
    """Keep the record of a run that ends here, blocked or as a repetition: nothing of it is registered or delivered."""
    evaluated = replace(_evaluated(run, metrics, refit=release.line.training.refit), blocked=blocked)
    judged = _files(run, fit_of(Phase.JUDGED, refit=release.line.training.refit)).fitted()
    further, found = _further(run, release), _validation(run)
    record = run_record(release, evaluated, judged=judged, delivered=None, further=further, validation=found)
    _files(run).write_json(runs.RECORD, record)
    logger.info("run ends", extra={"line": run.line, "run_id": run.run_id, "blocked": blocked})
    return evaluated


def _further(run: RunContext, release: Release) -> dict[str, FittedModel]:
    refit = release.line.training.refit
    return {name: _files(run, fit_named(name, refit=refit)).fitted() for name in run.further}


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
    further, found = _further(run, release), _validation(run)
    record = run_record(release, evaluated, judged=judged, delivered=delivered, further=further, validation=found)
    _files(run).write_json(runs.RECORD, record)
    logger.info("model registered", extra={"line": run.line, "run_id": run.run_id, "digest": packaged.digest})
    return evaluated


def _image_of(release: Release, phase: Phase = Phase.JUDGED) -> Image:
    region = account().client("sagemaker").meta.region_name
    return image_of(release.line.training, region, trains_on=_instance_type(release.line, phase))


def _files(run: RunContext, fit: Fit | None = None) -> runs.RunStore:
    """Of a fit, or of the run as a whole: evaluation and record."""
    return account().run(run.line, run.run_id, fit="" if fit is None else fit.folder)
