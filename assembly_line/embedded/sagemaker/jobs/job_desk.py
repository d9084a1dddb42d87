"""What a running job may use and must report to; the jobs know no moto object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from assembly_line.embedded.sagemaker.jobs.container import StopSignal
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_log import JobLog, MetricValue
from assembly_line.embedded.sagemaker.jobs.s3_files import S3Files
from assembly_line.errors import JobFailed

REASON_LIMIT = 1024
SHUT_DOWN = "InternalServerError: the job's worker ended: the embedded SageMaker was stopped while the job ran"


@dataclass(frozen=True)
class JobEnd:
    """How a job ended: SageMaker's status, its secondary status, and the reason if it did not complete."""

    status: str
    secondary: str
    reason: str | None = None

    @classmethod
    def failed(cls, reason: str) -> JobEnd:
        return cls("Failed", "Failed", reason[:REASON_LIMIT])


COMPLETED = JobEnd("Completed", "Completed")
STOPPED = JobEnd("Stopped", "Stopped")


class Progress(Protocol):
    """Where a job reports how far it is."""

    def enter(self, secondary: str, message: str) -> None: ...

    def metrics(self, values: list[MetricValue]) -> None: ...


@dataclass(frozen=True, kw_only=True)
class JobDesk:
    """One job's folder, log and means. `tree` stands for the container's /opt/ml.

    Args:
        interpreters: repository of an image -> a Python that stands for it.
        capacity: says whether there is a spot instance.
    """

    tree: Path
    log: JobLog
    files: S3Files
    progress: Progress
    stop: StopSignal
    isolation: Isolation
    threads: int
    capacity: Callable[[], bool] = lambda: True
    interpreters: Mapping[str, str] = field(default_factory=dict)

    def check_stop(self) -> JobEnd | None:
        """How the job ends if it was told to before its script started."""
        if self.stop.shutdown.is_set():
            return JobEnd.failed(SHUT_DOWN)
        return STOPPED if self.stop.requested.is_set() else None


def choose_isolation(isolated: bool, strongest: Isolation | None) -> Isolation:
    """What holds one job back.

    Raises:
        JobFailed: the job must be isolated, and nothing on this machine can isolate it.
    """
    if not isolated:
        return Isolation.NONE
    if strongest is None:
        raise JobFailed(
            "InternalServerError: EnableNetworkIsolation cannot be kept on this system: neither network namespaces "
            "nor the guard inside Python held when tried; nothing was run"
        )
    return strongest
