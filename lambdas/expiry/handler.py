"""Lets old runs go: called at the moments that the line declares. It alone may delete files of runs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.environments import ExpiryEnvironment
from assembly_line.training import expired
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="expiry")
account = partial(account_of, ExpiryEnvironment)


@logger.inject_lambda_context
def expire(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Let go what the event's `line` declares, and say how much stayed. A call that was cut goes on with the next."""
    found = expired(account(), event["line"], delete=True)
    gone = [run["run_id"] for run in found["runs"] if not run["kept"]]
    answer = {"gone": len(gone), "kept": len(found["runs"]) - len(gone), "bytes": found["bytes"]}
    logger.info("old runs looked at", extra={"line": event["line"], **answer})
    return answer
