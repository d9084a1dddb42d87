"""The queue of a consumer that is deployed beside a line, by its own team: in the line's account or in another."""

from __future__ import annotations

from aws_cdk import ArnFormat, CfnOutput, Stack
from aws_cdk import aws_sns as sns
from constructs import Construct

from assembly_line.declarations.delivery.subscribers import Subscriber as Declared
from stacks.constructs.access.consumer_access import let_consume
from stacks.constructs.alarms import Alarming, AlarmsTo
from stacks.constructs.messaging.subscriber import Subscriber, delivery_key


class ConsumerQueue(Construct):
    """An encrypted queue that is subscribed to a line's topic, with its dead letters, filter and alarms.

    Exposes `queue`, `dead_letters`, `undelivered`, `key` and `access_policy`, the managed policy that the consuming
    application attaches to its role. In another account, the line has to name that account in
    `Delivery(accounts=...)`.

    Args:
        topic_arn: ARN of the topic of the line.
        consumer: what it gets, and the freshness that it promises.
        alarms: a topic that alarms go to. None shows them in CloudWatch alone.
        keep: whether the key of the queue outlives the stack.
        data_key: ARN of the key of the store bucket of the line, in the same account.
        large: ARN pattern of the objects that messages of the line point to, in the same account.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        topic_arn: str,
        consumer: Declared,
        alarms: sns.ITopic | None = None,
        keep: bool = False,
        data_key: str | None = None,
        large: str | None = None,
    ) -> None:
        super().__init__(scope, id_)
        topic = sns.Topic.from_topic_arn(self, "Topic", topic_arn)
        account = Stack.of(self).split_arn(topic_arn, ArnFormat.NO_RESOURCE_NAME).account
        self.key = delivery_key(self, "Key", topic=topic, account=str(account), keep=keep)
        to: Alarming = AlarmsTo(alarms)
        subscriber = Subscriber(
            self, "Subscriber", topic=topic, key=self.key, alarms=to, of=f"consumer {consumer.name}", declared=consumer
        )
        self.queue, self.dead_letters = subscriber.queue, subscriber.dead_letters
        self.undelivered = subscriber.undelivered
        what = f"Receive the predictions for {consumer.name}"
        self.access_policy = let_consume(subscriber, key=self.key, of=what, data_key=data_key, large=large)
        CfnOutput(self, "QueueUrl", value=self.queue.queue_url, description=f"Queue of {consumer.name}")
