"""The online machine's step: features of a line's current release, from the lake into the online table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from assembly_line.environments import OnlineEnvironment
from assembly_line.instants import format_instant, from_micros
from assembly_line.requests import OnlineRequest
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.lake.online_publication import Publisher
from assembly_line.storage.lake.online_table import OnlineTable
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="online")


@dataclass(frozen=True)
class Stores:
    """What the step reads and writes."""

    control: ControlTable
    releases: ReleaseStore
    publisher: Publisher


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = OnlineEnvironment.from_process()
    s3, dynamodb = boto3.client("s3"), boto3.resource("dynamodb")
    return Stores(
        control=ControlTable(boto3.client("dynamodb"), environment.control_table),
        releases=ReleaseStore(ObjectStore(s3, environment.store_bucket)),
        publisher=Publisher(
            Lake(ObjectStore(s3, environment.lake_bucket)),
            OnlineTable(dynamodb, environment.online_table),
            memory_mib=int(environment.memory_mib),
            kept=timedelta(days=int(environment.online_days)),
        ),
    )


@logger.inject_lambda_context
def publish(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Put the features in force, unless exactly these are already."""
    request = OnlineRequest.parse(event)
    release = stores().releases.read(stores().control.current_release(request.line))
    done = stores().publisher.publish(release, served_from=request.served_from, now=datetime.now(UTC))
    generation = done.publication.generation
    logger.info("published", extra={"line": request.line, "generation": generation.id, "items": done.items})
    return {
        "line": request.line,
        "generation": generation.id,
        "release": generation.release,
        "served_from": format_instant(from_micros(generation.served_from)),
        "valid_until": format_instant(done.publication.valid_until),
        "items": done.items or 0,
        "exists": done.items is None,
    }
