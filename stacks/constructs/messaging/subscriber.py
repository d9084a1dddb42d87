"""A consuming application's queue: subscribed to a line's topic, raw messages, nothing lost on the way."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from assembly_line.declarations.delivery.subscribers import Subscriber as Declared
from stacks.constructs.alarms import Alarming
from stacks.constructs.messaging.guarded_queue import GuardedQueue, Undelivered

# How long a consumer may work on one message before it is shown to another.
CONSUMER_SECONDS = 30
ONE_MINUTE = Duration.minutes(1)


def delivery_key(scope: Construct, id_: str, *, topic: sns.ITopic, account: str, keep: bool) -> kms.Key:
    """The key of queues that are subscribed to a line's topic, which SNS may use for this one topic.

    They have one of their own because the foundation's key cannot name a line's topic without depending on the line.

    Args:
        account: whose topic it is.
        keep: whether the key outlives its stack.
    """
    key = kms.Key(
        scope,
        id_,
        description="Queues of one line's subscribers",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.RETAIN if keep else RemovalPolicy.DESTROY,
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Delivery",
            principals=[iam.ServicePrincipal("sns.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={
                "ArnEquals": {"aws:SourceArn": topic.topic_arn},
                "StringEquals": {"aws:SourceAccount": account},
            },
        )
    )
    return key


class Subscriber(Construct):
    """Exposes `queue`, its `dead_letters`, and `undelivered`: what SNS could not put into the queue.

    Args:
        of: what its alarms call it.
        declared: what it gets, and the freshness that it promises.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        topic: sns.ITopic,
        key: kms.IKey,
        alarms: Alarming,
        of: str,
        declared: Declared,
    ) -> None:
        super().__init__(scope, id_)
        guarded = GuardedQueue(self, "Inbox", key=key, alarms=alarms, of=of, consumer_seconds=CONSUMER_SECONDS)
        self.queue, self.dead_letters = guarded.queue, guarded.dead_letters
        self.undelivered = Undelivered(self, "Undelivered", key=key, alarms=alarms, of=of).queue
        topic.add_subscription(
            subscriptions.SqsSubscription(
                self.queue,
                raw_message_delivery=True,
                dead_letter_queue=self.undelivered,
                filter_policy={
                    attribute: sns.SubscriptionFilter(conditions)
                    for attribute, conditions in declared.filter_policy().items()
                },
            )
        )
        if declared.freshness is not None:
            alarms.when(
                self,
                "Stale",
                metric=self.queue.metric_approximate_age_of_oldest_message(period=ONE_MINUTE, statistic="Maximum"),
                at_least=int(declared.freshness.total_seconds()),
                description=f"{of}: a message lies in the queue longer than promised, {declared.freshness}",
            )
        if declared.backlog is not None:
            alarms.when(
                self,
                "Backlog",
                metric=self.queue.metric_approximate_number_of_messages_visible(period=ONE_MINUTE, statistic="Maximum"),
                at_least=declared.backlog + 1,
                description=f"{of}: more than {declared.backlog} messages wait",
            )
