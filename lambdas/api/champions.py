"""The route of champions: let a run that was approved before decide again, in place of the one that does."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.requests import RollbackRequest
from assembly_line.training.champions import Cause, sent_back
from lambdas.api.incoming import body_of, principal_of
from lambdas.api.responses import answer
from lambdas.api.stores import stores

ROUTES = ["POST /lines/{line}/champion"]
SHOWN = ("run_id", "line", "promoted_at", "author", "reviewer", "restored")

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/champion")
def roll_back(line: str) -> Response[str]:
    """Let the named run decide again. Asking the same again is harmless, and does what did not come about."""
    principal = principal_of(router.current_event)
    request = RollbackRequest.parse(body_of(router.current_event))
    asked = {"cause": Cause.ROLLBACK, "line": line, "principal": principal, **request.model_dump()}
    current = stores().functions.call(stores().environment.champions_function, asked)["champion"]
    _take_effect(line, current, request)
    logger.info("champion restored", extra={"line": line, "run_id": request.run_id})
    return answer(HTTPStatus.OK, {name: current[name] for name in SHOWN})


def _take_effect(line: str, champion: dict[str, Any], request: RollbackRequest) -> None:
    """In the registry, and on the bus: the run that decided is sent back."""
    registry, environment = stores().registry(line), stores().environment
    gone = stores().control.approved(line, request.replaces)
    registry.decide(champion["model_package_arn"], approved=True, reason=f"decides again: {request.reason}")
    registry.decide(gone["model_package_arn"], approved=False, reason=f"rolled back: {request.reason}")
    stores().bus.announce(
        sent_back(champion, environment=environment.assembly_environment, account=environment.account_id)
    )
