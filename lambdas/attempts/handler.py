"""After a job that did not end well: what the execution does next (see `assembly_line.training.attempts`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.environments import AttemptsEnvironment
from assembly_line.names import run_prefix, scoring_prefix
from assembly_line.stations import DATASET
from assembly_line.storage import Jobs
from assembly_line.training import Attempt, Problem, Work, way_on
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="attempts")
account = partial(account_of, AttemptsEnvironment)


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Look at the attempt's job, and say where the execution goes on."""
    attempt, problem = Attempt.from_json(event["attempt"]), Problem(**event["problem"])
    jobs = Jobs(account().client("sagemaker"), account().machines, account().named(DATASET.parameter))
    found = jobs.find(attempt, _work(event["context"]))
    way = way_on(attempt, problem, found, run_id=event["run_id"], redrives=event["redrives"])
    told = {"run_id": event["run_id"], "job": attempt.name, "way": way.way, "attempt": way.attempt.number}
    logger.info("after an attempt", extra=told)
    return way.to_json()


def _work(context: Mapping[str, Any]) -> Work:
    """Of a training run or of a scoring run."""
    line, run = context["line"], context["run_id"]
    folders = (run_prefix(line, run), scoring_prefix(line, run))
    return Work(
        run_id=run,
        folders=tuple(account().store.uri(folder) for folder in folders),
        dataset_request=context["dataset_request"],
    )
