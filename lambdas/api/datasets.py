"""The routes of datasets: ask for one, or what it would take; look at it or at its run; cancel a run."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.environments import ApiEnvironment
from assembly_line.errors import RequestRefused
from assembly_line.features import dataset_runs, resolved_features, shown
from assembly_line.names import RUN_ID
from assembly_line.requests import DatasetRequest
from lambdas.api.account import account
from lambdas.api.bodies import ReadBy
from lambdas.api.incoming import principal_of
from lambdas.api.responses import answer

DATASET = re.compile(r"ds-[0-9a-f]{32}")

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/datasets", summary="Ask for a dataset", tags=["datasets"], status_code=202)
def ask(
    line: str, body: Annotated[dict[str, Any], ReadBy.request_without_line(DatasetRequest), Body()]
) -> Response[str]:
    """With `explain`, the answer says what it would take, and nothing is started."""
    request = DatasetRequest.parse({**body, "line": line})
    declared = account().released.current(line)
    if request.release is None:  # of an older release they are checked as soon as it is read
        resolved_features(declared, request)
    if request.explain:
        return answer(
            HTTPStatus.OK, account().functions.call(ApiEnvironment.from_process().explain_function, request.to_json())
        )
    started = dataset_runs.started(account(), request, author=principal_of(router.current_event))
    logger.info("dataset run", extra={"line": line, "run_id": started["run_id"]})
    return answer(HTTPStatus.ACCEPTED, started)


@router.get("/lines/<line>/datasets/<dataset_id>", summary="Look at a dataset", tags=["datasets"])
def show(line: str, dataset_id: str) -> Response[str]:
    if not DATASET.fullmatch(dataset_id):
        raise RequestRefused(f"dataset_id: {dataset_id[:100]!r}: expected ds- and 32 hexadecimal digits")
    return answer(HTTPStatus.OK, shown(account(), line, dataset_id))


@router.get("/lines/<line>/datasets/runs/<run_id>", summary="Look at a run of the dataset machine", tags=["datasets"])
def show_run(line: str, run_id: str) -> Response[str]:
    return answer(HTTPStatus.OK, dataset_runs.described(account(), line, _checked(run_id)))


@router.delete("/lines/<line>/datasets/runs/<run_id>", summary="Cancel a run", tags=["datasets"])
def cancel(line: str, run_id: str) -> Response[str]:
    principal = principal_of(router.current_event)
    stopped = dataset_runs.cancelled_of_line(account(), line, _checked(run_id), by=principal)
    logger.info("cancelled", extra={"line": line, "run_id": run_id})
    return answer(HTTPStatus.OK, stopped)


def _checked(run_id: str) -> str:
    if not re.fullmatch(RUN_ID, run_id):
        raise RequestRefused(f"run_id: {run_id[:100]!r}: expected at most 80 letters, digits, _ or -")
    return run_id
