"""A function that consumes a queue in batches and answers with the messages that failed."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from stacks.constructs.access.grants import allow
from stacks.constructs.station_function import StationFunction
from stacks.settings import Settings

BATCH = 100


def consume(
    consumer: StationFunction, queue: sqs.Queue, *, key: kms.IKey | None, settings: Settings, batch: int = BATCH
) -> None:
    """Feed the queue to the function. One bad message goes back alone; the rest of its batch is done."""
    actions = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    allow(consumer.role, actions, (queue.queue_arn,))
    if key is not None:
        allow(consumer.role, ("kms:Decrypt",), (key.key_arn,))
    mapping = lambda_.EventSourceMapping(
        consumer,
        "Messages",
        target=consumer.function,
        event_source_arn=queue.queue_arn,
        batch_size=batch,
        max_batching_window=Duration.seconds(settings.batch_window_seconds),
        # Without a bound the mapping calls more functions than a small account may run at once. Those that are turned
        # away count as received, until their messages are dead letters.
        max_concurrency=settings.queue_consumers,
        report_batch_item_failures=True,
    )
    # Without the permission the mapping cannot be made.
    mapping.node.add_dependency(consumer.role)
