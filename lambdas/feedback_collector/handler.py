"""The feedback queue into the ledger: one file a batch, line and day, written before any message is acknowledged.

Who says it: the identity that SQS reports as the sender. The API alone speaks for others: it writes the authenticated
caller into the message attribute `principal`, which counts only if SQS reports the API's role as the sender. The ledger
keeps both, `principal` and `sender`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from assembly_line.canonical import digest
from assembly_line.environments import FeedbackCollectorEnvironment
from assembly_line.errors import AssemblyError, MalformedMessage
from assembly_line.feedback import Arrival, ledger_rows, read_arrival
from lambdas.account import account_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from assembly_line.declarations.lines import Line

logger = Logger(service="feedback-collector")


account = partial(account_of, FeedbackCollectorEnvironment)


@logger.inject_lambda_context
def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Keep every event that can be read; send back alone what cannot, which ends in the dead-letter queue."""
    used, api_role_id = account(), FeedbackCollectorEnvironment.from_process().api_role_id
    lines: dict[str, Line] = {}
    accepted: list[Arrival] = []

    def read(record: SQSRecord) -> None:
        try:
            arrival = _read(record.raw_event, api_role_id)
            name = arrival.event.line
            if name not in lines:
                # What came of a decision is worth keeping after its line is gone.
                lines[name] = used.released.last(name)
        except AssemblyError as error:
            # Not its text, which quotes the message; the message itself lies in the dead-letter queue.
            reason = {
                "error": type(error).__name__,
                "fields": error.fields if isinstance(error, MalformedMessage) else (),
            }
            logger.warning("refused", extra={"message_id": record.message_id, **reason})
            raise
        accepted.append(arrival)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    response = process_partial_response(event=event, record_handler=read, processor=processor, context=context)
    files = ledger_rows(accepted, lines)
    # A write that fails raises: the whole batch comes again, and what was written is written once or folds to once.
    for (line, kind, day), rows in files.items():
        used.ledger.append(line, kind, day, digest(rows)[:32], rows)
    logger.info(
        "feedback", extra={"events": len(accepted), "files": len(files), "refused": len(response["batchItemFailures"])}
    )
    return response


def _read(record: Mapping[str, Any], api_role_id: str) -> Arrival:
    named = (record.get("messageAttributes") or {}).get("principal") or {}
    return read_arrival(
        record["body"],
        sent_millis=record["attributes"]["SentTimestamp"],
        named=named.get("stringValue"),
        sender=record["attributes"]["SenderId"],
        api_role_id=api_role_id,
        message_id=record["messageId"],
    )
