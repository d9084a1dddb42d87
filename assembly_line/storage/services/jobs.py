"""Jobs that other services do for a run, as they describe them: SageMaker's, and executions of another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from botocore.exceptions import ClientError

from assembly_line.causes import readable_failure
from assembly_line.errors import NotFound
from assembly_line.storage.services.machines import RUNNING, SUCCEEDED, Machines, execution_arn
from assembly_line.training import NO_SPOT, Attempt, Found, Work

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient

GOING_ON = ("InProgress", "Stopping")
# SageMaker describes what does not exist as an invalid request.
ABSENT = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")


class Jobs:
    """Args: machine_arn: the machine whose executions are children of the runs."""

    def __init__(self, sagemaker: SageMakerClient, machines: Machines, machine_arn: str) -> None:
        self._sagemaker = sagemaker
        self._machines = machines
        self._machine_arn = machine_arn

    def find(self, attempt: Attempt, work: Work) -> Found | None:
        """The job of an attempt; None if there is none of its name.

        Raises:
            JobFailed: there is one, which does another run's work.
        """
        if attempt.kind == "execution":
            return self._execution(attempt, work)
        try:
            return self._described(attempt, work)
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return None
            raise

    def _described(self, attempt: Attempt, work: Work) -> Found:
        match attempt.kind:
            case "training":
                job = self._sagemaker.describe_training_job(TrainingJobName=attempt.name)
                work.require_own(attempt, uri=job["OutputDataConfig"]["S3OutputPath"])
                artifact = job.get("ModelArtifacts", {}).get("S3ModelArtifacts")
                reason = job.get("FailureReason", "")
                if job.get("SecondaryStatus") == NO_SPOT:
                    reason = f"{NO_SPOT}: no spot instance within the time that the job may wait"
                return _found(job["TrainingJobStatus"], reason, artifact)
            case "tuning":
                search = self._sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=attempt.name)
                work.require_own(attempt, uri=search["TrainingJobDefinition"]["OutputDataConfig"]["S3OutputPath"])
                return _found(search["HyperParameterTuningJobStatus"], search.get("FailureReason", ""), None)
            case "transform":
                scoring = self._sagemaker.describe_transform_job(TransformJobName=attempt.name)
                work.require_own(attempt, uri=scoring["TransformOutput"]["S3OutputPath"])
                return _found(scoring["TransformJobStatus"], scoring.get("FailureReason", ""), None)
            case "model":
                model = self._sagemaker.describe_model(ModelName=attempt.name)
                work.require_own(attempt, uri=model["PrimaryContainer"]["ModelDataUrl"])
                return Found(status="succeeded")
            case "execution":
                raise NotFound(f"{attempt.name}: an execution is no job of SageMaker")
            case _:
                assert_never(attempt.kind)

    def _execution(self, attempt: Attempt, work: Work) -> Found | None:
        try:
            found = self._machines.describe(execution_arn(self._machine_arn, attempt.name))
        except NotFound:
            return None
        work.require_own(attempt, request=found.request)
        if found.status == RUNNING:
            return Found(status="running")
        if found.status == SUCCEEDED:
            return Found(status="succeeded", result=found.output)
        return Found(status="failed", reason=readable_failure(found.error, found.cause) or found.status)


def _found(status: str, reason: str, result: Any) -> Found:
    if status in GOING_ON:
        return Found(status="running")
    if status == "Completed":
        return Found(status="succeeded", result=result)
    return Found(status="failed", reason=reason or status)
