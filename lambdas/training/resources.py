"""What every job of a run is given: its role, and its time limits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from assembly_line.environments import TrainingEnvironment
from assembly_line.names import job_role
from lambdas.account import account_of

if TYPE_CHECKING:
    from assembly_line.declarations.training.training import Training

account = partial(account_of, TrainingEnvironment)


def role_of_jobs(line: str) -> str:
    """ARN of the role that the line's jobs run under."""
    environment = TrainingEnvironment.from_process()
    partition = account().client("sagemaker").meta.partition
    role = job_role(environment.assembly_environment, line)
    return f"arn:{partition}:iam::{environment.account_id}:role/{role}"


def stopping(training: Training) -> dict[str, int]:
    """When SageMaker ends a job, as `StoppingCondition`. A time to wait is for spot jobs alone."""
    limits = {"MaxRuntimeInSeconds": int(training.timeout.total_seconds())}
    return limits | ({"MaxWaitTimeInSeconds": int(training.longest.total_seconds())} if training.spot else {})
