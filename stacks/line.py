"""What one line alone owns: topic, subscribers' queues, the role of its jobs, its schedules, its dashboard."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from assembly_line.declarations.delivery.subscribers import Subscriber as Declared
from assembly_line.declarations.lines import Line
from assembly_line.names import (
    Folder,
    aws_name,
    delivered_prefix,
    line_resource,
    line_stack,
    subscriber_dead_letters_parameter,
    subscriber_queue_parameter,
)
from stacks.constructs.access.consumer_access import ConsumerAccess, let_consume
from stacks.constructs.access.grants import arn_for
from stacks.constructs.access.job_role import JobRole
from stacks.constructs.data.data_bucket import BY_PREFIX
from stacks.constructs.line_api import LineApi
from stacks.constructs.line_dashboard import LineDashboard
from stacks.constructs.messaging.other_accounts import OtherAccounts
from stacks.constructs.messaging.review_reminders import ReviewReminders
from stacks.constructs.messaging.subscriber import Subscriber, delivery_key
from stacks.constructs.schedules.schedules import Schedules
from stacks.foundation import FoundationStack
from stacks.station import StationStack


class LineStack(Stack):
    """May refer to the foundation and name what the stations have; nothing refers to it, so that a line can go."""

    def __init__(
        self,
        scope: Construct,
        *,
        line: Line,
        foundation: FoundationStack,
        features: StationStack,
        training: StationStack,
        delivery: StationStack,
        api: LineApi | None = None,
    ) -> None:
        deployment = foundation.deployment
        super().__init__(scope, deployment.stack_id(line_stack(line.name)), env=deployment.place)
        # What its schedules name must be there first.
        if line.online_refresh or any(table.refresh for table in line.tables):
            self.add_dependency(features)
        if line.refresh or line.training.retention:
            self.add_dependency(training)
        if line.delivery.due:
            self.add_dependency(delivery)
        self._line, self._foundation = line, foundation
        self._name = line_resource(deployment.environment, line.name)
        self._topic = sns.Topic(
            self,
            "Predictions",
            topic_name=self._name,
            display_name=line.title[:100],
            master_key=foundation.key,
            enforce_ssl=True,
        )
        key = delivery_key(
            self, "DeliveryKey", topic=self._topic, account=self.account, keep=deployment.settings.keep_data
        )
        subscribers = {name: self._subscriber(one, key) for name, one in line.delivery.consumers.items()}
        ReviewReminders(self, "Reviews", line=line, environment=deployment.environment, key=foundation.key)
        if line.delivery.files:
            self._let_read_files()
        if line.delivery.decide_now and api is not None:
            self._let_ask(api)
        if line.delivery.accounts:
            OtherAccounts(self, "OtherAccounts", line=line, topic=self._topic, foundation=foundation)
        JobRole(self, "Jobs", line=line, foundation=foundation)
        Schedules(
            self,
            "Schedules",
            line=line,
            environment=deployment.environment,
            enabled=deployment.settings.schedules,
            alarms=foundation.alarms,
        )
        LineDashboard(self, "Dashboard", line=line, topic=self._topic, subscribers=subscribers, foundation=foundation)

    def _subscriber(self, declared: Declared, key: kms.IKey) -> Subscriber:
        environment, name = self._foundation.deployment.environment, declared.name
        subscriber = Subscriber(
            self,
            f"Subscriber-{aws_name(name)}",
            topic=self._topic,
            key=key,
            alarms=self._foundation.alarms,
            of=f"{self._line.name} for {name}",
            declared=declared,
        )
        for id_, parameter, value in (
            ("QueueUrl", subscriber_queue_parameter(environment, self._line.name, name), subscriber.queue.queue_url),
            (
                "DeadLettersUrl",
                subscriber_dead_letters_parameter(environment, self._line.name, name),
                subscriber.dead_letters.queue_url,
            ),
        ):
            ssm.StringParameter(subscriber, id_, parameter_name=parameter, string_value=value)
        self._let_consume(subscriber, key, name)
        return subscriber

    def _let_consume(self, subscriber: Subscriber, key: kms.IKey, name: str) -> None:
        """The consuming application attaches this policy to its own role."""
        line, store = self._line.name, self._foundation.store
        let_consume(
            subscriber,
            key=key,
            of=f"Receive the predictions of {line} for {name}",
            data_key=self._foundation.key.key_arn,
            large=f"{arn_for(self, store.bucket, store.bucket.bucket_arn)}/{Folder.SCORING}{line}/*",
        )

    def _let_ask(self, api: LineApi) -> None:
        """An application that asks for decisions of this line attaches this policy to its own role."""
        # Its routes are named by what that stack exports.
        self.add_dependency(Stack.of(api))
        access = ConsumerAccess(self, "DecisionsCaller", description=f"Ask for decisions of {self._line.name}")
        called = api.decisions_of(self._line.name, user=self)
        access.allow(("execute-api:Invoke",), called, because="There is one stage, and decisions get ids at run time")

    def _let_read_files(self) -> None:
        """Whoever reads the delivered files attaches this policy to its own role."""
        line, store = self._line.name, self._foundation.store
        access = ConsumerAccess(self, "FilesReader", description=f"Read the delivered files of {line}")
        bucket, prefix = arn_for(self, store.bucket, store.bucket.bucket_arn), delivered_prefix(line)
        access.allow(("s3:GetObject",), (f"{bucket}/{prefix}*",), because=BY_PREFIX)
        access.allow(("s3:ListBucket",), (bucket,), conditions={"StringLike": {"s3:prefix": [f"{prefix}*"]}})
        access.allow(("kms:Decrypt",), (self._foundation.key.key_arn,))
