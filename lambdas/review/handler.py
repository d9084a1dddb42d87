"""The review's two ends: a run begins to wait for a reviewer, and the judgement takes effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from assembly_line.environments import ReviewEnvironment
from assembly_line.errors import Conflict, NotFound, NotPermitted
from assembly_line.instants import format_instant
from assembly_line.names import line_resource
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.models import runs
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.models.registry import ModelRegistry
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from assembly_line.training.champions import Cause, champion_of
from assembly_line.training.packet import review_packet
from assembly_line.training.review import DECIDED, WAITING, check_permitted, is_approval
from assembly_line.training.states import EvaluatedModel, PackagedModel, RunContext

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="review")


@dataclass(frozen=True)
class Stores:
    """What the two ends read and write."""

    environment: ReviewEnvironment
    control: ControlTable
    objects: ObjectStore
    releases: ReleaseStore
    datasets: DatasetStore

    def run(self, context: RunContext) -> runs.RunStore:
        return runs.RunStore(self.objects, context.line, context.run_id)

    def registry(self, line: str) -> ModelRegistry:
        return ModelRegistry(boto3.client("sagemaker"), line_resource(self.environment.assembly_environment, line))

    def champion(self, line: str) -> dict[str, Any] | None:
        try:
            return self.control.champion(line)
        except NotFound:
            return None


@cache
def stores() -> Stores:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = ReviewEnvironment.from_process()
    objects = ObjectStore(boto3.client("s3"), environment.store_bucket)
    return Stores(
        environment=environment,
        control=ControlTable(boto3.client("dynamodb"), environment.control_table, environment.champion_table),
        objects=objects,
        releases=ReleaseStore(objects),
        datasets=DatasetStore(objects),
    )


@logger.inject_lambda_context
def request(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Lay the run before its reviewers. The execution waits until the API answers its token."""
    run = RunContext.from_json(event["context"])
    record = stores().run(run).read_json(runs.RECORD)
    manifest = stores().datasets.manifest(run.line, event["dataset"]["dataset_id"])
    risk = stores().releases.read(run.release).line.risk
    review = {
        "state": WAITING,
        "line": run.line,
        "run_id": run.run_id,
        "author": run.author,
        "author_verified": run.author_verified,
        "risk": risk,
        "token": event["task_token"],
        "packet": review_packet(record, manifest, champion=stores().champion(run.line), risk=risk),
        "opened_at": format_instant(datetime.now(UTC)),
    }
    if not stores().control.open_review(run.line, run.run_id, review):
        raise Conflict(
            f"review of run {run.run_id} (line {run.line}): is decided already; train again with `line train`"
        )
    logger.info("review opened", extra={"line": run.line, "run_id": run.run_id})
    return {"state": WAITING}


@logger.inject_lambda_context
def conclude(event: Mapping[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Let the stored judgement take effect, and prepare that the run becomes champion.

    Not what the execution was told counts: the item is read again.
    """
    run, packaged = RunContext.from_json(event["context"]), PackagedModel.from_json(event["packaged"])
    evaluated = EvaluatedModel.from_json(event["evaluated"])
    review = stores().control.review(run.line, run.run_id)
    if review["state"] != DECIDED:
        raise NotPermitted(
            f"review of run {run.run_id} (line {run.line}): nobody decided it; it is decided with `line review`, "
            "not by answering the execution"
        )
    approved = is_approval(review["decision"])
    check_permitted(review, reviewer=review["reviewer"], decision=review["decision"])
    stores().registry(run.line).decide(evaluated.package_arn, approved=approved, reason=review["reason"])
    if not approved:
        stores().registry(run.line).discard_model(packaged.model_name)
    promotion = _promotion(run, packaged, evaluated, review) if approved else None
    logger.info("review concluded", extra={"line": run.line, "run_id": run.run_id, "decision": review["decision"]})
    return {"decision": review["decision"], "champion": False, "promotion": promotion}


def _promotion(
    run: RunContext, packaged: PackagedModel, evaluated: EvaluatedModel, review: Mapping[str, Any]
) -> dict[str, Any]:
    """What `lambdas/champions` is asked."""
    store = stores().run(run)
    record, key = store.read_json(runs.RECORD), store.key(runs.ENCODING)
    champion = champion_of(record, packaged, evaluated, review, encoding_key=key)
    return {"cause": Cause.REVIEW, "line": run.line, "principal": review["reviewer"], "champion": champion}
