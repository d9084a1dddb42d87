"""A queue that loses nothing: encrypted, TLS only, with a dead-letter queue and an alarm on it."""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.access.reasons import acknowledge
from stacks.constructs.alarms import FIVE_MINUTES, Alarming

MAX_RECEIVES = 5
KEPT = Duration.days(14)
# AWS asks for at least six times the consumer's time limit.
VISIBILITY_FACTOR = 6


class DeadLetters(Construct):
    """Exposes `queue`: where messages end that could not be handled, kept 14 days, with an alarm on the first."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey | None, alarms: Alarming, of: str) -> None:
        super().__init__(scope, id_)
        self.queue = sqs.Queue(
            self,
            "Queue",
            retention_period=KEPT,
            enforce_ssl=True,
            encryption=_encryption(key),
            encryption_master_key=key,
        )
        alarms.when(
            self,
            "Alarm",
            metric=self.queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic="Maximum"),
            description=f"{of}: a message could not be handled and waits in the dead-letter queue",
        )


class Undelivered(DeadLetters):
    """Dead letters of a subscription or a rule: what never reached its queue."""

    def __init__(self, scope: Construct, id_: str, *, key: kms.IKey | None, alarms: Alarming, of: str) -> None:
        super().__init__(scope, id_, key=key, alarms=alarms, of=f"{of}, on the way")
        acknowledge(self.queue, "SQS3", "It is a dead-letter queue itself; only queues are seen as having one")


class GuardedQueue(Construct):
    """Exposes `queue` to send to, and `dead_letters`.

    Args:
        receives: how often a message is tried before it is a dead letter.
        delay_seconds: how long nobody gets a message that came in.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        key: kms.IKey | None,
        alarms: Alarming,
        of: str,
        consumer_seconds: int,
        batch_window_seconds: int = 0,
        receives: int = MAX_RECEIVES,
        delay_seconds: int = 0,
    ) -> None:
        super().__init__(scope, id_)
        self.dead_letters = DeadLetters(self, "DeadLetters", key=key, alarms=alarms, of=of).queue
        visible_again = VISIBILITY_FACTOR * consumer_seconds + batch_window_seconds
        self.queue = sqs.Queue(
            self,
            "Queue",
            retention_period=KEPT,
            delivery_delay=Duration.seconds(delay_seconds) if delay_seconds else None,
            visibility_timeout=Duration.seconds(visible_again),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=receives),
            enforce_ssl=True,
            encryption=_encryption(key),
            encryption_master_key=key,
        )


def admit_rules(queue: sqs.Queue, rules: Iterable[events.CfnRule]) -> None:
    """Let these rules, and nothing else of EventBridge, send into the queue."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Rules",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={
                "ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]},
                "StringEquals": {"aws:SourceAccount": Stack.of(queue).account},
            },
        )
    )


def _encryption(key: kms.IKey | None) -> sqs.QueueEncryption:
    """With the key, or with the one that SQS manages."""
    return sqs.QueueEncryption.SQS_MANAGED if key is None else sqs.QueueEncryption.KMS
