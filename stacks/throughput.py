"""The throughput station: every station event from the bus through a queue onto S3, for good."""

from __future__ import annotations

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from assembly_line.environments import EventRecorderEnvironment
from assembly_line.names import EVENT_DETAIL_TYPE, EVENT_SOURCE, station_events_prefix
from stacks.constructs.guarded_queue import GuardedQueue, Undelivered
from stacks.constructs.queue_consumer import consume
from stacks.foundation import FoundationStack
from stacks.station import StationStack

RECORDER_SECONDS = 60


class ThroughputStack(StationStack):
    """Records what the other stations announce."""

    def __init__(self, scope: Construct, *, foundation: FoundationStack) -> None:
        super().__init__(scope, "Throughput", foundation=foundation)
        # The keys of SQS itself: EventBridge drops events silently for a customer key that admits it by source only.
        self._events = GuardedQueue(
            self,
            "Events",
            key=None,
            alarms=foundation.alarms,
            of="Station events",
            consumer_seconds=RECORDER_SECONDS,
            batch_window_seconds=self.settings.batch_window_seconds,
        )
        undelivered = Undelivered(self, "Undelivered", key=None, alarms=foundation.alarms, of="Station events").queue
        self._rule(undelivered)
        self._recorder()

    def _rule(self, undelivered: sqs.Queue) -> None:
        rule = events.CfnRule(
            self,
            "Rule",
            description="Station events to their recorder",
            event_bus_name=self.foundation.bus.event_bus_name,
            event_pattern={"source": [EVENT_SOURCE], "detail-type": [EVENT_DETAIL_TYPE]},
            targets=[
                events.CfnRule.TargetProperty(
                    id="Recorder",
                    arn=self._events.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
                )
            ],
        )
        for queue in (self._events.queue, undelivered):
            queue.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="StationEvents",
                    principals=[iam.ServicePrincipal("events.amazonaws.com")],
                    actions=["sqs:SendMessage"],
                    resources=[queue.queue_arn],
                    conditions={
                        "ArnEquals": {"aws:SourceArn": rule.attr_arn},
                        "StringEquals": {"aws:SourceAccount": self.account},
                    },
                )
            )

    def _recorder(self) -> None:
        ledger = self.foundation.ledger
        function = self.function(
            "Recorder",
            handler="event_recorder.handler.handle",
            environment=EventRecorderEnvironment(ledger_bucket=ledger.name),
            seconds=RECORDER_SECONDS,
        )
        ledger.grant_read(function.role, station_events_prefix())
        ledger.grant_write(function.role, station_events_prefix())
        consume(function, self._events.queue, key=None, settings=self.settings)
