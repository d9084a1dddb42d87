"""Runs of a Glue job that somebody starts by hand, and the SageMaker jobs of a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assembly_line.errors import RunFailed
from assembly_line.names import is_job_of, jobs_of_run

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient
    from mypy_boto3_sagemaker.client import SageMakerClient

PAUSE = 2.0  # seconds
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
    begin = jobs_of_run(line, run_id)
    training = sagemaker.list_training_jobs(NameContains=begin, MaxResults=100)["TrainingJobSummaries"]
    transform = sagemaker.list_transform_jobs(NameContains=begin, MaxResults=100)["TransformJobSummaries"]
    names = [job["TrainingJobName"] for job in training] + [job["TransformJobName"] for job in transform]
    return [name for name in names if is_job_of(name, line, run_id)]
