"""The throughput station: every station event from the bus through a queue onto S3, for good.

An execution cannot announce that it failed, was stopped or was redriven: Step Functions tells it instead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from assembly_line.environments import EventRecorderEnvironment
from assembly_line.names import (
    EVENT_DETAIL_TYPE,
    EVENT_SOURCE,
    EXECUTION_DETAIL_TYPE,
    EXECUTION_SOURCE,
    RUNNING,
    STOPPED,
    station_events_prefix,
)
from assembly_line.stations import THROUGHPUT
from stacks.constructs.messaging.guarded_queue import GuardedQueue, Undelivered, admit_rules
from stacks.constructs.messaging.queue_consumer import consume
from stacks.foundation import FoundationStack
from stacks.station import StationStack

RECORDER_SECONDS = 60


class ThroughputStack(StationStack):
    """Records what the other stations announce."""

    def __init__(self, scope: Construct, *, foundation: FoundationStack, measured: Iterable[StationStack]) -> None:
        super().__init__(scope, THROUGHPUT, foundation=foundation)
        self._machines = {name: machine.arn for stack in measured for name, machine in stack.machines.items()}
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
        announced = self._rule(
            "Rule",
            undelivered,
            description="Station events to their recorder",
            event_bus_name=foundation.bus.event_bus_name,
            event_pattern={"source": [EVENT_SOURCE], "detail-type": [EVENT_DETAIL_TYPE]},
        )
        stopped = self._rule(
            "StoppedRule",
            undelivered,
            description="Executions that failed, were stopped or were redriven to the recorder of station events",
            event_pattern={
                "source": [EXECUTION_SOURCE],
                "detail-type": [EXECUTION_DETAIL_TYPE],
                "detail": {
                    "stateMachineArn": list(self._machines.values()),
                    "$or": [
                        {"status": list(STOPPED)},
                        {"status": [RUNNING], "redriveCount": [{"numeric": [">", 0]}]},
                    ],
                },
            },
        )
        for queue in (self._events.queue, undelivered):
            admit_rules(queue, (announced, stopped))
        self._recorder()

    def _rule(self, id_: str, undelivered: sqs.Queue, **properties: Any) -> events.CfnRule:
        return events.CfnRule(
            self,
            id_,
            **properties,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Recorder",
                    arn=self._events.queue.queue_arn,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
                )
            ],
        )

    def _recorder(self) -> None:
        ledger = self.foundation.ledger
        function = self.function(
            "Recorder",
            handler="event_recorder.handler.handle",
            environment=EventRecorderEnvironment(
                assembly_environment=self.environment_name,
                ledger_bucket=ledger.name,
                machines=",".join(f"{name}={arn}" for name, arn in self._machines.items()),
            ),
            seconds=RECORDER_SECONDS,
        )
        ledger.grant_write(function.role, station_events_prefix())
        consume(function, self._events.queue, key=None, settings=self.settings)
