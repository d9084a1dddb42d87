"""The training machine's own steps: begin, prepare the job's inputs, package the model, evaluate and register it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from assembly_line.environments import TrainingEnvironment
from assembly_line.errors import RequestRefused
from assembly_line.features.table import read_columns
from assembly_line.instants import format_instant
from assembly_line.names import (
    CONTAINER_MODEL_CODE,
    job_name,
    job_role,
    line_resource,
    release_code_prefix,
)
from assembly_line.release import Release
from assembly_line.requests import DatasetRequest, TrainingRequest
from assembly_line.storage import runs
from assembly_line.storage.control_table import ControlTable
from assembly_line.storage.datasets import DatasetStore
from assembly_line.storage.objects import ObjectStore
from assembly_line.storage.registry import ModelRegistry, PackageContent
from assembly_line.storage.releases import ReleaseStore
from assembly_line.training.archive import Limits, build_archive
from assembly_line.training.evaluation import evaluate as measure
from assembly_line.training.evaluation import read_answers
from assembly_line.training.hyperparameters import resolve, script_mode
from assembly_line.training.images import Image, image
from assembly_line.training.inputs import columns_needed, training_inputs
from assembly_line.training.record import preparation, run_record
from assembly_line.training.review import UNVERIFIED
from assembly_line.training.states import EvaluatedModel, PackagedModel, PreparedJob, RunContext

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sagemaker.client import SageMakerClient

logger = Logger(service="training")


@dataclass(frozen=True)
class Stores:
    """What the steps read and write."""

    environment: TrainingEnvironment
    control: ControlTable
    objects: ObjectStore
    releases: ReleaseStore
    datasets: DatasetStore
    sagemaker: SageMakerClient

    def run(self, context: RunContext) -> runs.RunStore:
        return runs.RunStore(self.objects, context.line, context.run_id)

    def registry(self, line: str) -> ModelRegistry:
        return ModelRegistry(self.sagemaker, line_resource(self.environment.assembly_environment, line))

    def image_of(self, release: Release) -> Image:
        training = release.line.training
        return image(training.framework, training.framework_version, self.sagemaker.meta.region_name)


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = TrainingEnvironment.from_process()
    objects = ObjectStore(boto3.client("s3"), environment.store_bucket)
    return Stores(
        environment=environment,
        control=ControlTable(boto3.resource("dynamodb").Table(environment.control_table)),
        objects=objects,
        releases=ReleaseStore(objects),
        datasets=DatasetStore(objects),
        sagemaker=boto3.client("sagemaker"),
    )


@logger.inject_lambda_context
def begin(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check the request before anything is built, and fix what the run is: release, hyperparameters, author."""
    request = TrainingRequest.parse(event["input"])
    digest = request.release or stores().control.current_release(request.line)
    release = stores().releases.read(digest)
    if release.line.name != request.line:
        raise RequestRefused(f"release: {digest} is of line {release.line.name}, not of {request.line}")
    stores().image_of(release)
    asked = stores().control.run(request.line, event["run_id"])
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
    )
    logger.info("run begins", extra={"line": run.line, "run_id": run.run_id, "release": digest})
    return run.to_json()


@logger.inject_lambda_context
def prepare(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Split the dataset by time and write what the training job and the holdout's scoring read."""
    run, dataset = RunContext.from_json(event["context"]), event["dataset"]
    release = stores().releases.read(run.release)
    training = release.line.training
    with TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        stores().datasets.download(run.line, dataset["dataset_id"], path)
        inputs = training_inputs(read_columns(path, columns_needed(release.line)), release.line)
    store, picture = stores().run(run), stores().image_of(release)
    files = store.write_inputs(inputs)
    store.write_json(runs.REQUEST, preparation(run, dataset, inputs, picture, files))
    environment = stores().environment
    role = job_role(environment.assembly_environment, run.line)
    logger.info("inputs written", extra={"line": run.line, "run_id": run.run_id, "rows": inputs.rows})
    return PreparedJob(
        job_name=job_name(run.line, run.run_id, "train", 1),
        role_arn=f"arn:aws:iam::{environment.account_id}:role/{role}",
        image=picture.uri,
        hyperparameters=script_mode(run.hyperparameters, training.script),
        train_uri=store.uri("train/"),
        code_uri=stores().objects.uri(release_code_prefix(run.release)),
        output_uri=store.uri(runs.JOB_OUTPUT),
        instance_type=training.instance_type,
        volume_gib=training.volume_gib,
        timeout_seconds=int(training.timeout.total_seconds()),
        rows=inputs.rows,
        holdout_rows=len(inputs.truth.decision_id),
        holdout_input_uri=store.uri("holdout/input/"),
        holdout_output_uri=store.uri("holdout/output/"),
    ).to_json()


@logger.inject_lambda_context
def package(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Check what the job saved, put the release's code beside it, and name the archive by its digest."""
    run, prepared = RunContext.from_json(event["context"]), PreparedJob.from_json(event["prepared"])
    release, store = stores().releases.read(run.release), stores().run(run)
    with TemporaryDirectory() as folder:
        saved, final = Path(folder) / "saved.tar.gz", Path(folder) / "model.tar.gz"
        store.download_artifact(event["model_artifact"], saved, largest=Limits().packed_bytes)
        digest = build_archive(saved, release.scripts, final)
        uri = store.upload_archive(final)
    packaged = PackagedModel(
        model_name=job_name(run.line, run.run_id, "model", 1),
        model_data_uri=uri,
        digest=digest,
        image=prepared.image,
        role_arn=prepared.role_arn,
        environment={
            "SAGEMAKER_PROGRAM": release.line.training.inference,
            "SAGEMAKER_SUBMIT_DIRECTORY": CONTAINER_MODEL_CODE,
        },
        transform_job_name=job_name(run.line, run.run_id, "holdout", 1),
    )
    store.write_json(runs.PACKAGE, packaged.to_json())
    logger.info("model packaged", extra={"line": run.line, "run_id": run.run_id, "digest": digest})
    return packaged.to_json()


@logger.inject_lambda_context
def evaluate(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Judge the holdout's answers, keep the record of the run, and register the model as pending."""
    run = RunContext.from_json(event["context"])
    prepared, packaged = PreparedJob.from_json(event["prepared"]), PackagedModel.from_json(event["packaged"])
    release, store = stores().releases.read(run.release), stores().run(run)
    truth, preparations = store.truth(), store.read_json(runs.REQUEST)
    metrics = measure(
        read_answers(store.answers(), truth.decision_id),
        truth,
        prior=preparations["split"]["prior"],
        baseline_feature=release.line.training.baseline,
    )
    store.write_json(runs.EVALUATION, metrics)
    registered = (
        stores()
        .registry(run.line)
        .register(
            PackageContent(
                run_id=run.run_id,
                image=packaged.image,
                model_data_uri=packaged.model_data_uri,
                environment=packaged.environment,
                evaluation_uri=store.uri(runs.EVALUATION),
                instance_type=prepared.instance_type,
                metadata={
                    "run_id": run.run_id,
                    "digest": packaged.digest,
                    "release": run.release,
                    "dataset_id": event["dataset"]["dataset_id"],
                },
            )
        )
    )
    evaluated = EvaluatedModel(
        metrics=metrics,
        evaluation_uri=store.uri(runs.EVALUATION),
        model_package_arn=registered.arn,
        model_package_version=registered.version,
    )
    store.write_json(runs.RECORD, run_record(release, preparations, prepared, packaged, evaluated))
    logger.info("model evaluated", extra={"line": run.line, "run_id": run.run_id, "rows": metrics["rows"]})
    return evaluated.to_json()
