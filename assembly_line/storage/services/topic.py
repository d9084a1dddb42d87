"""A line's SNS topic: messages out, in batches, each accounted for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.delivery import SNS, OutboundMessage, Sent
from assembly_line.documents import parse_document
from assembly_line.errors import NotFound
from assembly_line.names import line_resource
from assembly_line.storage.services.batch_sending import BatchSender, Pause, message_attributes

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchResponseTypeDef


# What leaves at once: a small batch does not wait, and a large one hardly exceeds a second's share.
BURST_SECONDS = 0.2


def topic_arn(sns: SNSClient, *, account: str, environment: str, line: str) -> str:
    """The ARN of a line's topic in the client's Region; it is derived because no stack refers to a line's."""
    region = sns.meta.region_name
    partition = sns.meta.partition
    return f"arn:{partition}:sns:{region}:{account}:{line_resource(environment, line)}"


class Topic:
    """One topic, through one client: the channel `sns`.

    Args:
        per_second: how many messages may leave a second. None sets no limit.
        pause: waits so many seconds.
        clock: seconds of a clock that never goes back.
    """

    form = SNS

    def __init__(
        self,
        sns: SNSClient,
        arn: str,
        *,
        per_second: float | None = None,
        pause: Pause = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sns = sns
        self._arn = arn
        self._per_second = per_second
        self._pause, self._clock = pause, clock
        self._busy_until = clock()
        # Calls go out side by side.
        self._lock = threading.Lock()
        self._sender = BatchSender(self._publish, pause=pause)

    def publish(self, messages: Sequence[OutboundMessage], *, part: str = "") -> list[Sent]:  # noqa: ARG002
        """Publish every message; one result for each, in order.

        Raises:
            NotFound: the topic does not exist: the line is not deployed here.
        """
        with self._deployed():
            return self._sender.send(messages, _entry)

    def finish(self) -> None:
        """Do nothing: a message stands for itself."""

    def announce(self, body: str, attributes: Mapping[str, str | bool | int | float]) -> None:
        """Publish one message that is no prediction.

        Raises:
            NotFound: the topic does not exist: the line is not deployed here.
        """
        with self._deployed():
            self._sns.publish(TopicArn=self._arn, Message=body, MessageAttributes=message_attributes(attributes))

    def filters(self) -> dict[str, dict[str, Any]]:
        """Name of a subscribed queue -> filter policy of its subscription, empty where it gets everything.

        Raises:
            NotFound: the topic does not exist: the line is not deployed here.
        """
        found = {}
        with self._deployed():
            for page in self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._arn):
                for one in page["Subscriptions"]:
                    if one["Protocol"] != "sqs" or not one["SubscriptionArn"].startswith("arn:"):
                        continue
                    told = self._sns.get_subscription_attributes(SubscriptionArn=one["SubscriptionArn"])["Attributes"]
                    queue = one["Endpoint"].rpartition(":")[2]
                    found[queue] = parse_document(told.get("FilterPolicy") or "{}", of=f"filter policy of {queue}")
        return found

    @contextmanager
    def _deployed(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NotFound", "NotFoundException"):
                raise NotFound(f"{self._arn}: there is no such topic; deploy the line with `line deploy`") from error
            raise

    def _keep_pace(self, count: int) -> None:
        """Wait until the topic takes so many more."""
        if self._per_second is None:
            return
        with self._lock:
            now = self._clock()
            wait = self._busy_until - now - BURST_SECONDS
            self._busy_until = max(self._busy_until, now) + count / self._per_second
        if wait > 0:
            self._pause(wait)

    def _publish(self, entries: list[dict[str, Any]]) -> PublishBatchResponseTypeDef:
        self._keep_pace(len(entries))
        return self._sns.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)  # type: ignore[arg-type]


def _entry(message: OutboundMessage) -> dict[str, Any]:
    return {"Message": message.body, "MessageAttributes": message_attributes(message.attributes)}
