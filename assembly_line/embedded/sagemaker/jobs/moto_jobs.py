"""The job objects that moto answers describe and list calls from: how this project starts, moves and ends them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from moto.core.utils import utcnow
from moto.sagemaker.models import FakeTrainingJob, FakeTransformJob

from assembly_line.embedded.sagemaker.jobs.job_desk import JobEnd
from assembly_line.embedded.sagemaker.jobs.job_log import MetricValue

Lock = AbstractContextManager[Any]
RUNNING = frozenset({"InProgress", "Stopping"})


class TrainingRecord:
    """One training job as described. Every change holds the lock, so that a describe never sees half of one."""

    kind = "training"
    service_kind = "TrainingJobs"

    def __init__(self, job: FakeTrainingJob, lock: Lock, changed: Callable[[], object]) -> None:
        self._job, self._lock, self._changed = job, lock, changed

    @property
    def name(self) -> str:
        return str(self._job.training_job_name)

    @property
    def status(self) -> str:
        return str(self._job.training_job_status)

    @staticmethod
    def begin(job: Any, *, definitions: list[dict[str, str]] | None, environment: dict[str, str] | None) -> None:
        """Undo what moto claims of a job that was just created: it is not done, it has not even begun."""
        if definitions is None:
            job.algorithm_specification.pop("MetricDefinitions", None)
        else:
            job.algorithm_specification["MetricDefinitions"] = definitions
        job.environment = environment
        job.training_job_status = "InProgress"
        job.failure_reason = job.training_start_time = job.training_end_time = None
        job.training_time_in_seconds = job.billable_time_in_seconds = None
        job.final_metric_data_list = None
        job.secondary_status_transitions = []
        _move(job, "Starting", "Starting the training job")

    def enter(self, secondary: str, message: str) -> None:
        with self._lock:
            job = self._job
            if job.training_job_status == "Stopping":
                return
            _move(job, secondary, message)
            if secondary == "Training":
                job.training_start_time = job.last_modified_time
        self._changed()

    def metrics(self, values: list[MetricValue]) -> None:
        with self._lock:
            job: Any = self._job
            job.final_metric_data_list = [
                {"MetricName": item.name, "Value": item.value, "Timestamp": _naive(item.timestamp)} for item in values
            ] or None

    def stopping(self) -> None:
        with self._lock:
            self._job.training_job_status = "Stopping"
            _move(self._job, "Stopping", "Stopping the training job")

    def finish(self, end: JobEnd) -> None:
        with self._lock:
            job: Any = self._job
            _move(job, end.secondary, end.reason or f"Training job {end.status.lower()}")
            job.secondary_status_transitions[-1]["EndTime"] = job.last_modified_time
            job.failure_reason = end.reason
            job.training_end_time = job.last_modified_time
            if job.training_start_time is not None:
                seconds = (job.training_end_time - job.training_start_time).total_seconds()
                job.training_time_in_seconds = job.billable_time_in_seconds = max(1, round(seconds))
            job.training_job_status = end.status
        self._changed()


class TransformRecord:
    """One transform job as described."""

    kind = "transform"
    service_kind = "TransformJobs"

    def __init__(self, job: FakeTransformJob, lock: Lock, changed: Callable[[], object]) -> None:
        self._job, self._lock, self._changed = job, lock, changed

    @property
    def name(self) -> str:
        return str(self._job.transform_job_name)

    @property
    def status(self) -> str:
        return str(self._job.transform_job_status)

    @staticmethod
    def begin(job: Any) -> None:
        job.transform_job_status = "InProgress"
        job.failure_reason = job.transform_start_time = job.transform_end_time = None
        job.labeling_job_arn = job.auto_ml_job_arn = None

    def enter(self, secondary: str, message: str) -> None:  # noqa: ARG002
        """A transform job has no secondary status; entering anything is its start."""
        with self._lock:
            job: Any = self._job
            job.last_modified_time = utcnow()
            job.transform_start_time = job.transform_start_time or job.last_modified_time
        self._changed()

    def metrics(self, values: list[MetricValue]) -> None:
        """A transform job has no metrics."""

    def stopping(self) -> None:
        with self._lock:
            self._job.transform_job_status = "Stopping"
            self._job.last_modified_time = utcnow()

    def finish(self, end: JobEnd) -> None:
        with self._lock:
            job: Any = self._job
            job.failure_reason = end.reason
            job.transform_end_time = job.last_modified_time = utcnow()
            job.transform_job_status = end.status
        self._changed()


def _naive(seconds: float) -> datetime:
    """UTC without a zone, as moto keeps every time."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def _move(job: Any, secondary: str, message: str) -> None:
    now = utcnow()
    if job.secondary_status_transitions:
        job.secondary_status_transitions[-1].setdefault("EndTime", now)
    job.secondary_status_transitions.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
    job.secondary_status = secondary
    job.last_modified_time = now
