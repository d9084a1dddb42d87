"""CreateTrainingJob, CreateTransformJob and their stop calls: records in moto, work on the board."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from moto.core.responses import EmptyResult
from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from assembly_line.embedded.sagemaker.jobs.job_board import JobBoard
from assembly_line.embedded.sagemaker.jobs.job_desk import JobEnd
from assembly_line.embedded.sagemaker.jobs.moto_jobs import RUNNING, TrainingRecord, TransformRecord
from assembly_line.embedded.sagemaker.jobs.script_mode import TrainingRequest
from assembly_line.embedded.sagemaker.jobs.transform import TransformRequest
from assembly_line.embedded.sagemaker.moto_patches import Operation
from assembly_line.embedded.sagemaker.registry_calls import describe_container
from assembly_line.embedded.sagemaker.request_checks import check_training, check_transform
from assembly_line.errors import RequestRefused

Original = Callable[[SageMakerResponse], Any]
ENDED_WITH_PROCESS = (
    "InternalServerError: the job's worker ended before the job did, because the embedded SageMaker was killed; "
    "start the job again under a new name"
)


class JobCalls:
    """The calls that start and stop jobs. `changed` writes the records after a worker changed one."""

    def __init__(self, board: JobBoard, lock: threading.RLock, changed: Callable[[], object]) -> None:
        self._board, self._lock, self._changed = board, lock, changed

    def operations(self) -> dict[str, Operation]:
        return {
            "create_training_job": self._create_training_job,
            "create_transform_job": self._create_transform_job,
            "stop_training_job": self._stop_training_job,
            "stop_transform_job": self._stop_transform_job,
        }

    def fail_what_ran(self, backend: SageMakerModelBackend) -> int:
        """Fail the jobs that a former process left running. Returns how many."""
        left: list[TrainingRecord | TransformRecord] = [
            *(TrainingRecord(job, self._lock, self._changed) for job in backend.training_jobs.values()),
            *(TransformRecord(job, self._lock, self._changed) for job in backend.transform_jobs.values()),
        ]
        left = [record for record in left if record.status in RUNNING]
        for record in left:
            record.finish(JobEnd.failed(ENDED_WITH_PROCESS))
        return len(left)

    def _create_training_job(self, response: SageMakerResponse, original: Original) -> Any:
        # moto keeps the request's own objects in its record and changes them.
        parameters: dict[str, Any] = copy.deepcopy(dict(response.params))
        backend, name = response.sagemaker_backend, parameters["TrainingJobName"]
        check_training(parameters)
        _refuse_known(backend.training_jobs.get(name), "Training", "a training")
        answered = original(response)
        job = backend.training_jobs[name]
        definitions = parameters["AlgorithmSpecification"].get("MetricDefinitions")
        TrainingRecord.begin(job, definitions=definitions, environment=parameters.get("Environment"))
        artifacts = job.model_artifacts["S3ModelArtifacts"]
        request = TrainingRequest.from_parameters(parameters, arn=job.arn, artifacts=artifacts)
        self._board.submit(TrainingRecord(job, self._lock, self._changed), request)
        return answered

    def _create_transform_job(self, response: SageMakerResponse, original: Original) -> Any:
        parameters: dict[str, Any] = copy.deepcopy(dict(response.params))
        backend, name = response.sagemaker_backend, parameters["TransformJobName"]
        check_transform(parameters)
        _refuse_known(backend.transform_jobs.get(name), "Transform", "a transform")
        # Resolved now: the model may be deleted while the job waits.
        model = describe_container(backend, parameters["ModelName"])
        answered = original(response)
        job = backend.transform_jobs[name]
        TransformRecord.begin(job)
        request = TransformRequest.from_parameters(parameters, model)
        self._board.submit(TransformRecord(job, self._lock, self._changed), request)
        return answered

    def _stop_training_job(self, response: SageMakerResponse, _: Original) -> Any:
        name = response._get_param("TrainingJobName")
        job = response.sagemaker_backend.training_jobs.get(name)
        return self._stop("training", name, job.training_job_status if job else None)

    def _stop_transform_job(self, response: SageMakerResponse, _: Original) -> Any:
        name = response._get_param("TransformJobName")
        job = response.sagemaker_backend.transform_jobs.get(name)
        return self._stop("transform", name, job.transform_job_status if job else None)

    def _stop(self, kind: str, name: str, status: str | None) -> EmptyResult:
        if status is None:
            raise SagemakerClientError("ResourceNotFound", f"Requested resource not found: {kind} job {name!r}.")
        if status not in RUNNING:
            raise RequestRefused(f"The request was rejected because the {kind} job is in status {status}.")
        if status == "InProgress":
            self._board.stop(kind, name)
        return EmptyResult()


def _refuse_known(job: Any, kind: str, article: str) -> None:
    if job is not None:
        raise SagemakerClientError(
            "ResourceInUse",
            f"{kind} job names must be unique within an AWS account and region, and {article} job with this name "
            f"already exists ({job.arn})",
        )
