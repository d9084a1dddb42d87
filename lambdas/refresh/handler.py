"""Whether a line trains again by itself: called at the moments that the line declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.environments import RefreshEnvironment
from assembly_line.training import refreshed
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="refresh")
account = partial(account_of, RefreshEnvironment)


@logger.inject_lambda_context
def look(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Start a training run of the event's `line` if one is due, and say why or why not."""
    found = refreshed(account(), event["line"], datetime.now(UTC)).to_json()
    logger.info("looked whether the line trains again", extra={"line": event["line"], **found})
    return found
