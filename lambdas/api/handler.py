"""The HTTP API: feedback, training runs and reviews, each by an authenticated caller who is recorded as its author.

The routes of datasets and of online features stand in modules of their own beside this one.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.errors import AssemblyError, RequestRefused, SendingFailed
from assembly_line.feedback import submitted
from assembly_line.requests import ReviewRequest, TrainingRequest
from assembly_line.training import reviews, runs
from lambdas.api import champions, datasets, online, work_list
from lambdas.api.account import account
from lambdas.api.incoming import body_of, object_of, principal_of
from lambdas.api.responses import answer, no_route, refuse, unavailable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="api")
app = APIGatewayHttpResolver()
app.include_router(datasets.router)
app.include_router(champions.router)
app.include_router(work_list.router)
online.register(app)


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


@app.post("/feedback")
def send_feedback() -> Response[str]:
    principal = principal_of(app.current_event)
    accepted, failed = submitted(account(), body_of(app.current_event), principal=principal)
    logger.info("feedback", extra={"events": len(accepted) + len(failed), "failed": len(failed)})
    if failed:
        number = len(accepted) + len(failed)
        raise SendingFailed(f"the queue did not take {len(failed)} of {number} events: {', '.join(failed)}")
    return answer(HTTPStatus.ACCEPTED, {"accepted": accepted})


@app.post("/lines/<line>/runs")
def start_run(line: str) -> Response[str]:
    principal = principal_of(app.current_event)
    body = object_of(app.current_event)
    if "line" in body:
        raise RequestRefused("line: stands in the path, not in the body")
    request = TrainingRequest.parse({**body, "line": line})
    started = runs.started(account(), request, author=principal)
    logger.info("training run", extra={"line": line, "run_id": started["run_id"]})
    return answer(HTTPStatus.ACCEPTED, started)


@app.get("/lines/<line>/runs/<run_id>/review")
def show_review(line: str, run_id: str) -> Response[str]:
    principal_of(app.current_event)
    return answer(HTTPStatus.OK, reviews.shown(account().control.review(line, run_id)))


@app.post("/lines/<line>/runs/<run_id>/review")
def judge(line: str, run_id: str) -> Response[str]:
    reviewer = principal_of(app.current_event)
    request = ReviewRequest.parse(body_of(app.current_event))
    judged = reviews.judged(account(), line, run_id, request, reviewer=reviewer)
    logger.info("review", extra={"line": line, "run_id": run_id, "decision": request.decision})
    return answer(HTTPStatus.OK, judged)


def _refused(error: AssemblyError) -> Response[str]:
    logger.info("refused", extra={"error": type(error).__name__})
    return refuse(error)


def _unavailable(error: ClientError | BotoCoreError) -> Response[str]:
    what = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    logger.error("service failed", extra={"error": what})
    return unavailable(what)


def _no_route(_error: NotFoundError) -> Response[str]:
    return no_route(
        app.current_event.http_method,
        app.current_event.path,
        [
            "POST /feedback",
            "POST /lines/{line}/runs",
            "GET or POST /lines/{line}/runs/{run_id}/review",
            *champions.ROUTES,
            *datasets.ROUTES,
            *online.ROUTES,
            *work_list.ROUTES,
        ],
    )


app.exception_handler(AssemblyError)(_refused)
app.exception_handler([ClientError, BotoCoreError])(_unavailable)
app.not_found(_no_route)
