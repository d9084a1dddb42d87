"""Station events: from their queue to S3. One that is malformed goes back alone, in the end to the dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from assembly_line.environments import EventRecorderEnvironment
from assembly_line.errors import MalformedMessage
from assembly_line.stations import station_of
from assembly_line.storage import EventLog
from assembly_line.throughput import Place, station_event
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assembly_line.messages import StationEvent

logger = Logger(service="event-recorder")


@dataclass(frozen=True)
class Recorder:
    """Where events go, and what is known of the executions that they tell of."""

    log: EventLog
    place: Place


@cache
def recorder() -> Recorder:
    """Built on first use, so that importing this module needs neither AWS nor an environment."""
    environment = EventRecorderEnvironment.from_process()
    pairs = (pair.split("=", 1) for pair in environment.machines.split(","))
    return Recorder(
        log=account_of(EventRecorderEnvironment).event_log,
        place=Place(
            environment=environment.assembly_environment,
            stations={arn: station_of(machine).name for machine, arn in pairs},
        ),
    )


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    accepted: list[StationEvent] = []

    def read(record: SQSRecord) -> None:
        try:
            event = station_event(record.body, recorder().place)
        except MalformedMessage as error:
            # Not its text, which quotes the message; the message itself lies in the dead-letter queue.
            logger.warning("refused", extra={"message_id": record.message_id, "fields": error.fields})
            raise
        if event is not None:
            accepted.append(event)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    response = process_partial_response(event=event, record_handler=read, processor=processor, context=context)
    # A write that fails raises: then the whole batch comes again, and what was written is written once.
    objects = recorder().log.append(accepted)
    logger.info("station events", extra={"events": len(accepted), "objects": objects})
    return response
