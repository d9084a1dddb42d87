"""What becomes of a dataset request before it is built: explained, or claimed so that equal requests build once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from assembly_line.errors import NotFound
from assembly_line.features.model.claims import Claim, new_claim
from assembly_line.features.planning.forecast import forecast
from assembly_line.requests import DatasetRequest
from assembly_line.storage.datasets.dataset_claims import DatasetClaims
from assembly_line.storage.services.machines import RUNNING
from lambdas.dataset.planning import resolve
from lambdas.dataset.stores import stores

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

MINE, BUILT, WAIT = "mine", "built", "wait"

logger = Logger(service="dataset-request")


@logger.inject_lambda_context
def explain(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Say what a request would read, build and cost. Nothing is written."""
    resolved = resolve(stores(), DatasetRequest.parse(event))
    plan = resolved.plan
    found = stores().datasets.find_manifest(plan.line.name, plan.dataset_id)
    logger.info("explained", extra={"dataset_id": plan.dataset_id, "engine": plan.engine, "exists": found is not None})
    created = None if found is None else str(found["created"])
    return forecast(plan, resolved.snapshots, stores().machinery, created=created)


@logger.inject_lambda_context
def claim(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Claim a planned dataset for an execution: `mine`, or it is `built` meanwhile, or to `wait` for who builds it."""
    line, dataset_id = event["line"], event["dataset_id"]
    now = datetime.now(UTC)
    if _is_built(line, dataset_id):
        return _answer(BUILT)
    standing = _take(line, dataset_id, new_claim(event["holder"], now, lease_seconds=event["lease_seconds"]), now)
    if standing is not None:
        logger.info("waiting", extra={"dataset_id": dataset_id, "holder": standing.holder})
        return _answer(WAIT, standing.wait_seconds(now))
    # Whoever held the claim before may have finished between the two looks.
    state = BUILT if _is_built(line, dataset_id) else MINE
    logger.info("claimed", extra={"dataset_id": dataset_id, "state": state})
    return _answer(state)


def _take(line: str, dataset_id: str, wanted: Claim, now: datetime) -> Claim | None:
    """None once the claim is the wanted one; otherwise the claim of another execution that still builds."""
    claims = DatasetClaims(stores().control)
    standing = claims.take(line, dataset_id, wanted)
    if standing is None or _holds(standing, now):
        return standing
    return claims.take_over(line, dataset_id, wanted, standing)


def _is_built(line: str, dataset_id: str) -> bool:
    return stores().datasets.find_manifest(line, dataset_id) is not None


def _answer(state: str, wait_seconds: int = 0) -> dict[str, Any]:
    return {"state": state, "wait_seconds": wait_seconds}


def _holds(other: Claim, now: datetime) -> bool:
    try:
        running = stores().executions.describe(other.holder).status == RUNNING
    except NotFound:
        return other.holds(now, running=None)
    return other.holds(now, running=running)
