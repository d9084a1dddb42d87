"""A consuming application's queue: subscribed to a line's topic, raw messages, nothing lost on the way."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.constructs.alarms import Alarms
from stacks.constructs.messaging.guarded_queue import GuardedQueue, Undelivered
from stacks.settings import Settings

# How long a consumer may work on one message before it is shown to another.
CONSUMER_SECONDS = 30


def delivery_key(scope: Construct, id_: str, *, topic: sns.Topic, settings: Settings) -> kms.Key:
    """The key of a line's queues, which SNS may use for this one topic.

    The line has one of its own because the foundation's key cannot name a line's topic without depending on the line.
    """
    key = kms.Key(
        scope,
        id_,
        description="Queues of one line's subscribers",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Delivery",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={
                "ArnEquals": {"aws:SourceArn": topic.topic_arn},
                "StringEquals": {"aws:SourceAccount": Stack.of(scope).account},
            },
        )
    )
    return key


class Subscriber(Construct):
    """Exposes `queue`, its `dead_letters`, and `undelivered`: what SNS could not put into the queue."""

    def __init__(self, scope: Construct, id_: str, *, topic: sns.Topic, key: kms.IKey, alarms: Alarms, of: str) -> None:
        super().__init__(scope, id_)
        guarded = GuardedQueue(self, "Inbox", key=key, alarms=alarms, of=of, consumer_seconds=CONSUMER_SECONDS)
        self.queue, self.dead_letters = guarded.queue, guarded.dead_letters
        self.undelivered = Undelivered(self, "Undelivered", key=key, alarms=alarms, of=of).queue
        topic.add_subscription(
            subscriptions.SqsSubscription(self.queue, raw_message_delivery=True, dead_letter_queue=self.undelivered)
        )
