"""Features of one entity at an instant, from the online table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from assembly_line.environments import ApiEnvironment
from assembly_line.requests import FeaturesRequest
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.lines import ReleasedLines
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.api.incoming import object_of, principal_of
from lambdas.api.responses import answer

if TYPE_CHECKING:
    from assembly_line.storage.lake.online_table import OnlineTable

ROUTES = ["POST /lines/{line}/features"]

logger = Logger(service="api", child=True)


@dataclass(frozen=True)
class Stores:
    """What the route reads."""

    released: ReleasedLines
    table: OnlineTable


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    # It needs numpy, which no other route does.
    from assembly_line.storage.lake.online_table import OnlineTable

    environment = ApiEnvironment.from_process()
    dynamodb = boto3.resource("dynamodb")
    releases = ReleaseStore(ObjectStore(boto3.client("s3"), environment.store_bucket))
    return Stores(
        released=ReleasedLines(ControlTable(boto3.client("dynamodb"), environment.control_table), releases),
        table=OnlineTable(dynamodb, environment.online_table),
    )


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
    generation = stores().table.in_force(line, now=now).generation
    declared = stores().released.of_release(generation.release)
    found: dict[str, Any] = questions.answer(declared, generation, stores().table, request, now=now)
    logger.info("features", extra={"line": line, "generation": generation.id, "features": len(found["values"])})
    return found
