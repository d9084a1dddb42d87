"""Features of one entity at an instant, from the online table."""

from __future__ import annotations

from http import HTTPStatus

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
        # It needs numpy, which no other route does.
        from assembly_line.features import values_at

        principal_of(app.current_event)
        found = values_at(account(), line, FeaturesRequest.parse(object_of(app.current_event)))
        said = {"generation": found["generation"], "features": len(found["values"])}
        logger.info("features", extra={"line": line, **said})
        return answer(HTTPStatus.OK, found)
