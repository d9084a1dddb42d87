"""The route of champions: let a run that was approved before decide again, in place of the one that does."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.environments import ApiEnvironment
from assembly_line.requests import RollbackRequest
from assembly_line.training import rolled_back
from lambdas.api.account import account
from lambdas.api.bodies import ReadBy
from lambdas.api.incoming import principal_of
from lambdas.api.responses import answer

SHOWN = ("run_id", "line", "promoted_at", "author", "reviewer", "restored")

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/champion", summary="Let a run that was approved before decide again", tags=["training"])
def roll_back(line: str, body: Annotated[RollbackRequest, ReadBy.request(RollbackRequest), Body()]) -> Response[str]:
    """Asking the same again is harmless, and does what did not come about."""
    principal = principal_of(router.current_event)
    contract = ApiEnvironment.from_process()
    champion = rolled_back(
        account(),
        line,
        body,
        principal=principal,
        account_id=contract.account_id,
        function=contract.champions_function,
    ).to_json()
    logger.info("champion restored", extra={"line": line, "run_id": body.run_id})
    return answer(HTTPStatus.OK, {name: champion[name] for name in SHOWN})
