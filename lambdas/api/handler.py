"""The HTTP API: feedback, training runs and reviews, each by an authenticated caller who is recorded as its author.

The routes of datasets and of online features stand in modules of their own beside this one.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body

from assembly_line.errors import SendingFailed
from assembly_line.feedback import submission_schema, submitted
from assembly_line.requests import ReviewRequest, TrainingRequest
from assembly_line.training import reviews, runs
from lambdas.api import champions, datasets, online
from lambdas.api.account import account
from lambdas.api.application import Application
from lambdas.api.bodies import ReadBy
from lambdas.api.incoming import principal_of
from lambdas.api.responses import answer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="api")
app = Application(datasets.router, champions.router, online.router)


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.answered(event, context)


@app.post("/feedback", summary="Send up to 100 feedback events", tags=["feedback"], status_code=202)
def send_feedback(body: Annotated[dict[str, Any], ReadBy(dict, submission_schema), Body()]) -> Response[str]:
    """All of the events are accepted, or none."""
    accepted, failed = submitted(account(), body, principal=principal_of(app.current_event))
    logger.info("feedback", extra={"events": len(accepted) + len(failed), "failed": len(failed)})
    if failed:
        number = len(accepted) + len(failed)
        raise SendingFailed(f"the queue did not take {len(failed)} of {number} events: {', '.join(failed)}")
    return answer(HTTPStatus.ACCEPTED, {"accepted": accepted})


@app.post("/lines/<line>/runs", summary="Start a training run", tags=["training"], status_code=202)
def start_run(
    line: str, body: Annotated[dict[str, Any], ReadBy.request_without_line(TrainingRequest), Body()]
) -> Response[str]:
    """The caller is the author of the run."""
    request = TrainingRequest.parse({**body, "line": line})
    started = runs.started(account(), request, author=principal_of(app.current_event))
    logger.info("training run", extra={"line": line, "run_id": started["run_id"]})
    return answer(HTTPStatus.ACCEPTED, started)


@app.get("/lines/<line>/runs/<run_id>/review", summary="Read the review of a run", tags=["training"])
def show_review(line: str, run_id: str) -> Response[str]:
    """With the packet that a reviewer judges by."""
    return answer(HTTPStatus.OK, reviews.shown(account().control.review(line, run_id)))


@app.post("/lines/<line>/runs/<run_id>/review", summary="Approve or reject a run", tags=["training"])
def judge(
    line: str, run_id: str, body: Annotated[ReviewRequest, ReadBy.request(ReviewRequest), Body()]
) -> Response[str]:
    """The caller is the reviewer."""
    reviewer = principal_of(app.current_event)
    judged = reviews.judged(account(), line, run_id, body, reviewer=reviewer)
    logger.info("review", extra={"line": line, "run_id": run_id, "decision": body.decision})
    return answer(HTTPStatus.OK, judged)
