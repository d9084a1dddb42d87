"""What becomes of a dataset request before it is built: explained, or claimed so that equal requests build once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.errors import NotFound
from assembly_line.features import Claim, forecast_of, new_claim
from assembly_line.requests import DatasetRequest
from assembly_line.storage import RUNNING, DatasetClaims
from lambdas.dataset.account import account, machinery

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MINE, BUILT, WAIT = "mine", "built", "wait"

logger = Logger(service="dataset-request")


@logger.inject_lambda_context
def explain(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Say what a request would read, build and cost. Nothing is written."""
    found = forecast_of(account(), DatasetRequest.parse(event), machinery())
    logger.info("explained", extra={name: found[name] for name in ("dataset_id", "engine", "exists")})
    return found


@logger.inject_lambda_context
def claim(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Claim a planned dataset for an execution: `mine`, or it is `built` meanwhile, or to `wait` for who builds it."""
    line, dataset_id = event["line"], event["dataset_id"]
    now = datetime.now(UTC)
    standing = _take(line, dataset_id, new_claim(event["holder"], now, lease_seconds=event["lease_seconds"]), now)
    # After the claim: whoever held it before may have finished since the plan was made.
    if account().datasets.find_manifest(line, dataset_id) is not None:
        return _answer(BUILT)
    if standing is not None:
        logger.info("waiting", extra={"dataset_id": dataset_id, "holder": standing.holder})
        return _answer(WAIT, standing.wait_seconds(now))
    logger.info("claimed", extra={"dataset_id": dataset_id})
    return _answer(MINE)


def _take(line: str, dataset_id: str, wanted: Claim, now: datetime) -> Claim | None:
    """None once the claim is the wanted one; otherwise the claim of another execution that still builds."""
    claims = DatasetClaims(account().control)
    standing = claims.take(line, dataset_id, wanted)
    if standing is None or _holds(standing, now):
        return standing
    return claims.take_over(line, dataset_id, wanted, standing)


def _answer(state: str, wait_seconds: int = 0) -> dict[str, Any]:
    return {"state": state, "wait_seconds": wait_seconds}


def _holds(other: Claim, now: datetime) -> bool:
    try:
        running = account().machines.describe(other.holder).status == RUNNING
    except NotFound:
        return other.holds(now, running=None)
    return other.holds(now, running=running)
