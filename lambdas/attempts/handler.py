"""After a job that did not end well: what the execution does next (see `assembly_line.training.attempts`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from assembly_line.environments import AttemptsEnvironment
from assembly_line.storage.services.jobs import Jobs
from assembly_line.storage.services.machines import Machines
from assembly_line.training.attempts import Attempt, Problem, way_on

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="attempts")


@cache
def jobs() -> Jobs:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = AttemptsEnvironment.from_process()
    machines = Machines(boto3.client("stepfunctions"))
    return Jobs(boto3.client("sagemaker"), machines, environment.dataset_machine_arn)


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Look at the attempt's job, and say where the execution goes on."""
    attempt, problem = Attempt.from_json(event["attempt"]), Problem(**event["problem"])
    found = jobs().find(attempt)
    way = way_on(attempt, problem, found, run_id=event["run_id"], redrives=event["redrives"])
    told = {"run_id": event["run_id"], "job": attempt.name, "way": way.way, "attempt": way.attempt.number}
    logger.info("after an attempt", extra=told)
    return way.to_json()
