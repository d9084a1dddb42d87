"""The tuning jobs that moto answers describe and list calls from: how this project starts, moves and ends them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.models import FakeTrainingJob, HyperParameterTuningJob, SageMakerModelBackend

from assembly_line.embedded.sagemaker.jobs.job_desk import JobEnd
from assembly_line.embedded.sagemaker.jobs.moto_jobs import RUNNING, Lock

SUMMED_UP = {
    "TrainingJobName": "training_job_name",
    "TrainingJobArn": "arn",
    "CreationTime": "creation_time",
    "TrainingStartTime": "training_start_time",
    "TrainingEndTime": "training_end_time",
    "TrainingJobStatus": "training_job_status",
    "FailureReason": "failure_reason",
}


class TuningRecord:
    """One tuning job as described. Whoever calls a method that changes it holds the lock."""

    def __init__(
        self, job: HyperParameterTuningJob, backend: SageMakerModelBackend, lock: Lock, changed: Callable[[], object]
    ) -> None:
        self.job: Any = job
        self.backend, self._lock, self._changed = backend, lock, changed

    @staticmethod
    def begin(job: Any) -> None:
        """Undo what moto claims of a search that was just created."""
        job.hyper_parameter_tuning_job_status = "InProgress"
        job.hyper_parameter_tuning_end_time = job.failure_reason = None
        job.best_training_job = job.OverallBestTrainingJob = None
        job.tuning_job_completion_details = job.consumed_resources = None
        # Of this project: the trials with their values, which the registry's file keeps with the rest.
        job.trials = {}
        TuningRecord._count(job, [])

    @property
    def name(self) -> str:
        return str(self.job.hyper_parameter_tuning_job_name)

    @property
    def status(self) -> str:
        return str(self.job.hyper_parameter_tuning_job_status)

    @property
    def config(self) -> dict[str, Any]:
        found: dict[str, Any] = self.job.hyper_parameter_tuning_job_config
        return found

    @property
    def seed(self) -> int:
        given = self.config.get("RandomSeed")
        return given if given is not None else int(hashlib.sha256(self.name.encode()).hexdigest()[:8], 16)

    @property
    def objective(self) -> dict[str, str]:
        found: dict[str, str] = self.config["HyperParameterTuningJobObjective"]
        return found

    def trial_name(self, number: int) -> str:
        return f"{self.name}-{number:03d}-{hashlib.sha256(f'{self.name}/{number}'.encode()).hexdigest()[:8]}"

    def add(self, trial: str, values: dict[str, str]) -> None:
        self.job.trials[trial] = values

    def trials(self) -> list[FakeTrainingJob]:
        known = self.backend.training_jobs
        return [known[name] for name in self.job.trials if name in known]

    def running(self) -> list[str]:
        return [one.training_job_name for one in self.trials() if one.training_job_status in RUNNING]

    def stopping(self) -> None:
        self.job.hyper_parameter_tuning_job_status = "Stopping"
        self.job.last_modified_time = utcnow()

    def count(self) -> None:
        """Say how the trials stand, and which is best by now."""
        summaries = self.summaries()
        self._count(self.job, summaries)
        reported = [one for one in summaries if one["ObjectiveStatus"] == "Succeeded"]
        sign = 1 if self.objective["Type"] == "Minimize" else -1
        best = min(reported, key=lambda one: sign * _value(one), default=None)
        self.job.best_training_job = best

    def finish(self, end: JobEnd) -> None:
        job = self.job
        job.hyper_parameter_tuning_job_status = end.status
        job.failure_reason = end.reason
        job.hyper_parameter_tuning_end_time = job.last_modified_time = utcnow()
        self._changed()

    def summaries(self) -> list[dict[str, Any]]:
        """Its trials as listed, in the order in which they began."""
        return [self._summary(job) for job in self.trials()]

    def _summary(self, job: Any) -> dict[str, Any]:
        found = {name: getattr(job, field, None) for name, field in SUMMED_UP.items()}
        values = {one["MetricName"]: one["Value"] for one in job.final_metric_data_list or []}
        value = values.get(self.objective["MetricName"])
        status = "Succeeded" if value is not None and job.training_job_status == "Completed" else "Failed"
        return {
            **{name: content for name, content in found.items() if content is not None},
            "TuningJobName": self.name,
            "TunedHyperParameters": self.job.trials[job.training_job_name],
            "ObjectiveStatus": "Pending" if job.training_job_status in RUNNING else status,
            **(
                {}
                if value is None
                else {"FinalHyperParameterTuningJobObjectiveMetric": {**self.objective, "Value": value}}
            ),
        }

    @staticmethod
    def _count(job: Any, summaries: list[dict[str, Any]]) -> None:
        ended = Counter(one["TrainingJobStatus"] for one in summaries)
        told = Counter(one["ObjectiveStatus"] for one in summaries)
        job.training_job_status_counters = {
            "Completed": ended["Completed"],
            "InProgress": ended["InProgress"] + ended["Stopping"],
            "RetryableError": 0,
            "NonRetryableError": ended["Failed"],
            "Stopped": ended["Stopped"],
        }
        job.objective_status_counters = {name: told[name] for name in ("Succeeded", "Pending", "Failed")}
        job.last_modified_time = utcnow()


def _value(summary: dict[str, Any]) -> float:
    value: float = summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    return value
