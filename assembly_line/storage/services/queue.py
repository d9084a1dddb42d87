"""An SQS queue to send to, in batches, each message accounted for."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from assembly_line.delivery import Sent
from assembly_line.storage.services.batch_sending import BatchSender, Pause, message_attributes

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchResultTypeDef


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """One message: its body, and the attributes beside it."""

    body: str
    attributes: Mapping[str, str | bool | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """A message that nobody else sees for a while. `handle`: by which it is deleted or given back."""

    body: str
    handle: str


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

    def receive(self, *, wait_seconds: int, hidden_seconds: int) -> list[Received]:
        """Up to ten messages, as soon as there is one; none if none came in time."""
        found = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait_seconds,
            VisibilityTimeout=hidden_seconds,
        )
        return [Received(one["Body"], one["ReceiptHandle"]) for one in found.get("Messages", [])]

    def delete(self, message: Received) -> None:
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.handle)

    def give_back(self, message: Received) -> None:
        """Let others see the message at once."""
        self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=message.handle, VisibilityTimeout=0)

    def _send(self, entries: list[dict[str, Any]]) -> SendMessageBatchResultTypeDef:
        return self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]


def _entry(message: QueueMessage) -> dict[str, Any]:
    return {"MessageBody": message.body, "MessageAttributes": message_attributes(message.attributes)}
