"""Features of one entity at an instant, from the online table."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from assembly_line.requests import FeaturesRequest
from lambdas.api.account import account
from lambdas.api.incoming import object_of, principal_of
from lambdas.api.responses import answer

ROUTES = ["POST /lines/{line}/features"]

logger = Logger(service="api", child=True)


def register(app: APIGatewayHttpResolver) -> None:
    """Add the route."""

    @app.post("/lines/<line>/features")
    def get_features(line: str) -> Response[str]:
        principal_of(app.current_event)
        return answer(HTTPStatus.OK, features(line, FeaturesRequest.parse(object_of(app.current_event))))


def features(line: str, request: FeaturesRequest) -> dict[str, Any]:
    """Values as of an instant, computed by the release that was published, whatever is current now."""
    from assembly_line.features.online import questions

    now = datetime.now(UTC)
    generation = account().online_table.in_force(line, now=now).generation
    declared = account().released.of_release(generation.release)
    found: dict[str, Any] = questions.answer(declared, generation, account().online_table, request, now=now)
    logger.info("features", extra={"line": line, "generation": generation.id, "features": len(found["values"])})
    return found
