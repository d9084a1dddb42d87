"""The route of champions: let a run that was approved before decide again, in place of the one that does."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.environments import ApiEnvironment
from assembly_line.requests import RollbackRequest
from assembly_line.training import rolled_back
from lambdas.api.account import account
from lambdas.api.incoming import body_of, principal_of
from lambdas.api.responses import answer

ROUTES = ["POST /lines/{line}/champion"]
SHOWN = ("run_id", "line", "promoted_at", "author", "reviewer", "restored")

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/champion")
def roll_back(line: str) -> Response[str]:
    """Let the named run decide again. Asking the same again is harmless, and does what did not come about."""
    principal = principal_of(router.current_event)
    request = RollbackRequest.parse(body_of(router.current_event))
    contract = ApiEnvironment.from_process()
    champion = rolled_back(
        account(),
        line,
        request,
        principal=principal,
        account_id=contract.account_id,
        function=contract.champions_function,
    ).to_json()
    logger.info("champion restored", extra={"line": line, "run_id": request.run_id})
    return answer(HTTPStatus.OK, {name: champion[name] for name in SHOWN})
