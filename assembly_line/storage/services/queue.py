"""An SQS queue to send to, in batches, each message accounted for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assembly_line.delivery import Sent
from assembly_line.storage.services.batch_sending import BatchSender, Pause

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchResultTypeDef


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """One message: its body, and attributes as strings."""

    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class Queue:
    """One queue, through one client."""

    def __init__(self, sqs: SQSClient, url: str, *, pause: Pause = time.sleep) -> None:
        self._sqs = sqs
        self._url = url
        self._sender = BatchSender(self._send, pause=pause)

    def send(self, messages: Sequence[QueueMessage]) -> list[Sent]:
        """Send every message; one result for each, in order."""
        return self._sender.send(messages, _entry)

    def waiting(self) -> int:
        """About how many messages lie in the queue, those that somebody works on included."""
        found = self._sqs.get_queue_attributes(
            QueueUrl=self._url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(map(int, found["Attributes"].values()))

    def _send(self, entries: list[dict[str, Any]]) -> SendMessageBatchResultTypeDef:
        return self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]


def _entry(message: QueueMessage) -> dict[str, Any]:
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()}
    return {"MessageBody": message.body, "MessageAttributes": attributes}
