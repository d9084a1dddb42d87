"""The online machine's step: features of a line's current release, from the lake into the online table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.environments import OnlineEnvironment
from assembly_line.instants import format_instant, from_micros
from assembly_line.requests import OnlineRequest
from assembly_line.storage import Publisher
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="online")


account = partial(account_of, OnlineEnvironment)


@logger.inject_lambda_context
def publish(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Put the features in force, unless exactly these are already."""
    request = OnlineRequest.parse(event)
    release = account().released.release(request.line)
    done = _publisher().publish(release, served_from=request.served_from, now=datetime.now(UTC))
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


def _publisher() -> Publisher:
    environment = OnlineEnvironment.from_process()
    return Publisher(
        account().lake,
        account().online_table,
        memory_mib=int(environment.memory_mib),
        kept=timedelta(days=int(environment.online_days)),
    )
