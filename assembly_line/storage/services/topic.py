"""A line's SNS topic: messages out, in batches, each accounted for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.delivery import SNS, OutboundMessage, Sent
from assembly_line.errors import NotFound
from assembly_line.names import line_resource
from assembly_line.storage.services.batch_sending import BatchSender, Pause

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchResponseTypeDef


def topic_arn(sns: SNSClient, *, account: str, environment: str, line: str) -> str:
    """The ARN of a line's topic in the client's Region; it is derived because no stack refers to a line's."""
    region = sns.meta.region_name
    partition = sns.meta.partition
    return f"arn:{partition}:sns:{region}:{account}:{line_resource(environment, line)}"


class Topic:
    """One topic, through one client: the channel `sns`."""

    form = SNS

    def __init__(self, sns: SNSClient, arn: str, *, pause: Pause = time.sleep) -> None:
        self._sns = sns
        self._arn = arn
        self._sender = BatchSender(self._publish, pause=pause)

    def publish(self, messages: Sequence[OutboundMessage]) -> list[Sent]:
        """Publish every message; one result for each, in order.

        Raises:
            NotFound: the topic does not exist: the line is not deployed here.
        """
        try:
            return self._sender.send(messages, _entry)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NotFound", "NotFoundException"):
                raise NotFound(f"{self._arn}: there is no such topic; deploy the line with `line deploy`") from error
            raise

    def _publish(self, entries: list[dict[str, Any]]) -> PublishBatchResponseTypeDef:
        return self._sns.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)  # type: ignore[arg-type]


def _entry(message: OutboundMessage) -> dict[str, Any]:
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items()}
    return {"Message": message.body, "MessageAttributes": attributes}
