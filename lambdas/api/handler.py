"""The HTTP API: feedback, training runs and reviews, each by an authenticated caller who is recorded as its author.

The routes of datasets and of online features stand in modules of their own beside this one.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.errors import AssemblyError, Conflict, NoLongerWaiting, RequestRefused, SendingFailed
from assembly_line.feedback.submissions import read_submission
from assembly_line.instants import format_instant
from assembly_line.names import approved_item, aws_name
from assembly_line.requests import ReviewRequest, TrainingRequest
from assembly_line.storage.services.queue import QueueMessage
from assembly_line.training import hyperparameters
from assembly_line.training.review import decide
from lambdas.api import champions, datasets, online
from lambdas.api.incoming import body_of, object_of, principal_of
from lambdas.api.responses import answer, no_route, refuse, unavailable
from lambdas.api.stores import stores

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Not the token: it is the right to answer the waiting execution.
SHOWN = ("run_id", "line", "state", "author", "author_verified", "risk", "packet", "opened_at")
SHOWN_DECIDED = ("decision", "reviewer", "reason", "decided_at")

logger = Logger(service="api")
app = APIGatewayHttpResolver()
app.include_router(datasets.router)
app.include_router(champions.router)
online.register(app)


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)


@app.post("/feedback")
def send_feedback() -> Response[str]:
    principal = principal_of(app.current_event)
    events = read_submission(body_of(app.current_event), stores().released.current)
    sent = stores().queue.send([QueueMessage(event.to_json(), {"principal": principal}) for event in events])
    failed = [event.event_id for event, result in zip(events, sent, strict=True) if result.message_id is None]
    logger.info("feedback", extra={"events": len(events), "failed": len(failed)})
    if failed:
        raise SendingFailed(f"the queue did not take {len(failed)} of {len(events)} events: {', '.join(failed)}")
    return answer(HTTPStatus.ACCEPTED, {"accepted": [event.event_id for event in events]})


@app.post("/lines/<line>/runs")
def start_run(line: str) -> Response[str]:
    principal = principal_of(app.current_event)
    body = object_of(app.current_event)
    if "line" in body:
        raise RequestRefused("line: stands in the path, not in the body")
    request = TrainingRequest.parse({**body, "line": line})
    declared = stores().released.current(line)
    if request.release is None:  # the run checks those of an older release, as soon as it begins
        hyperparameters.resolve(declared, request.hyperparameters)
    run_id = f"{aws_name(line)}-{request.as_of:%Y%m%d}-{secrets.token_hex(4)}"
    # Before the start: a run that begins must find its author.
    requested = {"author": principal, "requested_at": format_instant(datetime.now(UTC))}
    stores().control.add_run(line, run_id, requested)
    arn = stores().executions.start(stores().environment.training_machine_arn, run_id, request.to_json())
    logger.info("training run", extra={"line": line, "run_id": run_id})
    return answer(HTTPStatus.ACCEPTED, {"run_id": run_id, "execution_arn": arn})


@app.get("/lines/<line>/runs/<run_id>/review")
def show_review(line: str, run_id: str) -> Response[str]:
    principal_of(app.current_event)
    return answer(HTTPStatus.OK, _shown(stores().control.review(line, run_id)))


@app.post("/lines/<line>/runs/<run_id>/review")
def judge(line: str, run_id: str) -> Response[str]:
    reviewer = principal_of(app.current_event)
    request = ReviewRequest.parse(body_of(app.current_event))
    control = stores().control
    review = control.review(line, run_id)
    if _says_the_same(review, reviewer, request):
        _require_in_effect(review)
        waited = _answer_execution(review)
        return answer(HTTPStatus.OK, {**_shown(review), "execution": "answered" if waited else "had its answer"})
    decided = decide(review, reviewer=reviewer, decision=request.decision, reason=request.reason)
    if not control.decide_review(line, run_id, decided):
        raise Conflict(f"review of run {run_id} (line {line}): another judgement came first and stands")
    logger.info("review", extra={"line": line, "run_id": run_id, "decision": request.decision})
    if not _answer_execution(decided):
        raise NoLongerWaiting(
            f"run {run_id} of line {line} no longer waits for a review: it was stopped, failed or waited too long; "
            "the judgement is kept, but changes nothing"
        )
    return answer(HTTPStatus.OK, {**_shown(decided), "execution": "answered"})


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
        ],
    )


def _says_the_same(review: dict[str, Any], reviewer: str, request: ReviewRequest) -> bool:
    return (review.get("reviewer"), review.get("decision")) == (reviewer, request.decision)


def _require_in_effect(review: dict[str, Any]) -> None:
    """An approval that took effect and was overtaken since does nothing when it is sent again.

    Raises:
        Conflict: another run decides now.
    """
    line, run_id, control = review["line"], review["run_id"], stores().control
    if control.read(line, approved_item(run_id)) is None:
        return
    deciding = control.champion(line)["run_id"]
    if deciding != run_id:
        back = f'line champion rollback {line} --to {run_id} --reason "..." --as reviewer'
        raise Conflict(
            f"run {run_id} (line {line}) was approved at {review['decided_at']}, and run {deciding} decides now: "
            f"approving again changes nothing; `{back}` lets it decide again"
        )


def _answer_execution(review: dict[str, Any]) -> bool:
    judgement = {name: review[name] for name in ("decision", "reviewer", "reason")}
    return stores().executions.answer(review["token"], judgement)


def _shown(review: dict[str, Any]) -> dict[str, Any]:
    return {name: review[name] for name in (*SHOWN, *SHOWN_DECIDED) if name in review}


app.exception_handler(AssemblyError)(_refused)
app.exception_handler([ClientError, BotoCoreError])(_unavailable)
app.not_found(_no_route)
