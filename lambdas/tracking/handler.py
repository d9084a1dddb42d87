"""Training runs into MLflow: each once it begins, waits for its review, and ends.

While MLflow does not answer, a run stays in the queue. Nothing of the line waits for that.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from assembly_line.connectors.mlflow_runs import MlflowRuns
from assembly_line.environments import TrackingEnvironment
from assembly_line.errors import TargetUnreachable
from assembly_line.names import Parameter
from assembly_line.storage import Parameters
from assembly_line.training import forget_in, run_told_of, tracked_run
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="tracking")
account = partial(account_of, TrackingEnvironment)


class Recorder:
    """Records the runs of one batch. Once MLflow did not answer, the rest of the batch does not ask it."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._tracker: MlflowRuns | None = None
        self._silent: TargetUnreachable | None = None

    def record(self, record: SQSRecord) -> None:
        told = run_told_of(json.loads(record.body))
        if told is None:
            return
        if self._silent is not None:
            raise self._silent
        try:
            self._tracker = self._tracker or MlflowRuns(self._uri)
            kept = self._tracker.keep(tracked_run(account(), told))
            forget_in(account(), told.line, self._tracker)
        except TargetUnreachable as error:
            self._silent = error
            raise
        logger.info("run recorded in MLflow", extra={"line": told.line, "run_id": told.run_id, "kept": kept})


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Record the runs that a batch of events tells of."""
    environment = TrackingEnvironment.from_process().assembly_environment
    uri = Parameters(account().client("ssm"), environment).now(Parameter.MLFLOW_APP)
    if uri is None:
        logger.info("no MLflow here: runs are kept by the line, and `line runs record` writes them")
        return {"batchItemFailures": []}
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    recorder = Recorder(uri)
    response = process_partial_response(
        event=event, record_handler=recorder.record, processor=processor, context=context
    )
    if response["batchItemFailures"]:
        logger.warning("runs wait for MLflow", extra={"runs": len(response["batchItemFailures"])})
    return response
