"""Decisions, for programs and people that ask: one decided now, one with its history, the latest about an entity."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Query

from assembly_line.delivery import Caller, decided_now
from assembly_line.environments import DecisionsEnvironment
from assembly_line.requests import DecisionRequest
from lambdas.account import account_of
from lambdas.api.application import Application
from lambdas.api.bodies import ReadBy
from lambdas.api.incoming import principal_of, scope_of
from lambdas.api.responses import answer

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assembly_line.feedback import DecisionHistory

IDEMPOTENCY_KEY = Header(
    min_length=1,
    max_length=255,
    description="Your name for this decision. The same key with the same body has the same answer, byte for byte.",
)
KEYS = Query(
    min_length=1,
    max_length=2000,
    description="Keys of the decision, such as `household_id=1,campaign_id=8`. If decisions about them recur, the "
    "latest that was delivered is meant.",
)

logger = Logger(service="decisions")
account = partial(account_of, DecisionsEnvironment)
app = Application()


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.answered(event, context)


@app.post("/lines/<line>/decisions", summary="Decide about one entity now", tags=["decisions"])
def decide(
    line: str,
    idempotency_key: Annotated[str, IDEMPOTENCY_KEY],
    body: Annotated[DecisionRequest, ReadBy.request(DecisionRequest), Body()],
) -> Response[str]:
    """The champion scores the features that are published, the policy decides, and the ledger keeps the decision."""
    caller = Caller(principal=principal_of(app.current_event), scope=scope_of(app.current_event), key=idempotency_key)
    found = decided_now(account(), line, body, caller, now=datetime.now(UTC))
    logger.info("decided", extra={"line": line})
    return Response(status_code=HTTPStatus.OK.value, content_type=content_types.APPLICATION_JSON, body=found.decode())


@app.get("/lines/<line>/decisions/<decision_id>", summary="A decision with its history", tags=["decisions"])
def show(line: str, decision_id: str) -> Response[str]:
    """What was predicted, delivered, done and observed."""
    return _shown(line, decision_id)


@app.get("/lines/<line>/decisions", summary="The latest decision about an entity", tags=["decisions"])
def latest(line: str, keys: Annotated[str, KEYS]) -> Response[str]:
    """With its history, and the other decisions about the same keys."""
    return _shown(line, keys)


def _shown(line: str, decision: str) -> Response[str]:
    # They need DuckDB, which a decision now does not.
    from assembly_line.feedback import described, one_decision

    found: tuple[DecisionHistory, list[dict[str, Any]]] = one_decision(
        account(), account().released.last(line), decision
    )
    return answer(HTTPStatus.OK, described(*found))
