"""Runs of a Glue job that somebody starts by hand, and the SageMaker jobs of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from assembly_line.errors import RunFailed
from assembly_line.names import is_job_of, jobs_of_run, trials_of_run

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient
    from mypy_boto3_sagemaker.client import SageMakerClient

PAUSE = 2.0  # seconds
FORBIDDEN = ("AccessDeniedException", "AccessDenied")
RUNNING = ("STARTING", "RUNNING", "STOPPING", "WAITING")


class JobRuns:
    """Runs of one job."""

    def __init__(self, glue: GlueClient, job: str, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._glue = glue
        self._job = job
        self._pause = pause

    def start(self, arguments: Mapping[str, str]) -> str:
        """Start a run and return its id."""
        given = {f"--{name}": value for name, value in arguments.items()}
        return self._glue.start_job_run(JobName=self._job, Arguments=given)["JobRunId"]

    def wait(self, run_id: str) -> None:
        """Wait for the end of a run; the job's own time limit bounds it.

        Raises:
            RunFailed: it ended without success.
        """
        while True:
            run = self._glue.get_job_run(JobName=self._job, RunId=run_id)["JobRun"]
            if run["JobRunState"] == "SUCCEEDED":
                return
            if run["JobRunState"] not in RUNNING:
                raise RunFailed(f"job run {run_id}: {run['JobRunState']}: {run.get('ErrorMessage', 'no reason given')}")
            self._pause(PAUSE)


def jobs_of(sagemaker: SageMakerClient, line: str, run_id: str) -> list[str]:
    """Names of the SageMaker jobs of a run."""
    training, transform = _listed(sagemaker, line, run_id)
    return [*training, *transform]


def paid_seconds(sagemaker: SageMakerClient, line: str, run_id: str) -> dict[str, int]:
    """Step and attempt of a run, such as `train-1` -> how long its instances were paid for, together.

    A trial of a search is called after its search and number, such as `trial-1-003`.

    Empty where the caller may not see jobs.
    """
    try:
        training, transform = _listed(sagemaker, line, run_id)
        found = {name: _trained(sagemaker, name) for name in training}
        found |= {name: _transformed(sagemaker, name) for name in transform}
    except ClientError as error:
        if error.response["Error"]["Code"] in FORBIDDEN:
            return {}
        raise
    begin, trials = f"{jobs_of_run(line, run_id)}-", trials_of_run(line, run_id)
    named = {name: name.removeprefix(begin) for name in found}
    # SageMaker ends the name of a trial with a digest.
    named |= {name: f"trial-{name.removeprefix(trials)[:-9]}" for name in found if name.startswith(trials)}
    return {named[name]: seconds for name, seconds in found.items() if seconds is not None}


def _listed(sagemaker: SageMakerClient, line: str, run_id: str) -> tuple[list[str], list[str]]:
    """Names of its training jobs, those of a search among them, and of its transform jobs."""
    begin, trials = jobs_of_run(line, run_id), trials_of_run(line, run_id)
    training = sagemaker.list_training_jobs(NameContains=begin, MaxResults=100)["TrainingJobSummaries"]
    transform = sagemaker.list_transform_jobs(NameContains=begin, MaxResults=100)["TransformJobSummaries"]
    names = [job["TrainingJobName"] for job in training], [job["TransformJobName"] for job in transform]
    one, other = ([name for name in each if is_job_of(name, line, run_id)] for each in names)
    tried = sagemaker.list_training_jobs(NameContains=trials, MaxResults=100)["TrainingJobSummaries"]
    searched = [job["TrainingJobName"] for job in tried if job["TrainingJobName"].startswith(trials)]
    return [*one, *searched], other


def _trained(sagemaker: SageMakerClient, name: str) -> int | None:
    """SageMaker bills each instance for the time that it says."""
    job = sagemaker.describe_training_job(TrainingJobName=name)
    seconds = job.get("BillableTimeInSeconds")
    return None if seconds is None else seconds * job["ResourceConfig"].get("InstanceCount", 1)


def _transformed(sagemaker: SageMakerClient, name: str) -> int | None:
    """A transform job is paid from its start to its end."""
    job = sagemaker.describe_transform_job(TransformJobName=name)
    if "TransformStartTime" not in job or "TransformEndTime" not in job:
        return None
    return round((job["TransformEndTime"] - job["TransformStartTime"]).total_seconds())
