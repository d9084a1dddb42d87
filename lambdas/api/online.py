"""Features of one entity at an instant, from the online table."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from assembly_line.requests import FeaturesRequest
from lambdas.api.account import account
from lambdas.api.bodies import ReadBy
from lambdas.api.responses import answer

logger = Logger(service="api", child=True)
router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


@router.post("/lines/<line>/features", summary="Features of one entity at an instant", tags=["features"])
def get_features(line: str, body: Annotated[FeaturesRequest, ReadBy.request(FeaturesRequest), Body()]) -> Response[str]:
    """From the features that were published last."""
    # It needs numpy, which no other route does.
    from assembly_line.features import values_at

    found = values_at(account(), line, body)
    said = {"generation": found["generation"], "features": len(found["values"])}
    logger.info("features", extra={"line": line, **said})
    return answer(HTTPStatus.OK, found)
