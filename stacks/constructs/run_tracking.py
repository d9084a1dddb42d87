"""From the events of training runs to MLflow: rules, a queue that waits for MLflow, and the function that records."""

from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.names import (
    EVENT_DETAIL_TYPE,
    EVENT_SOURCE,
    EXECUTION_DETAIL_TYPE,
    EXECUTION_SOURCE,
    Folder,
    Parameter,
    parameter_name,
)
from assembly_line.stations import TRAINING
from stacks.constructs.access.grants import allow
from stacks.constructs.access.sagemaker_access import list_paid_jobs
from stacks.constructs.machine import Machine, look_at_executions
from stacks.constructs.messaging.guarded_queue import GuardedQueue, Undelivered, admit_rules
from stacks.constructs.messaging.queue_consumer import consume
from stacks.constructs.station_function import StationFunction
from stacks.foundation import FoundationStack

RECORDING_SECONDS = 300
# Each try is half an hour after the one before: a run waits ten days for MLflow.
TRIES = 480
# A run says that it waits, and then its review is opened.
DELAY_SECONDS = 15
# Each run takes some seconds.
BATCH = 10


class RunTracking(Construct):
    """Nothing in the training machine knows of it, so no run waits for MLflow."""

    def __init__(
        self, scope: Construct, id_: str, *, function: StationFunction, machine: Machine, foundation: FoundationStack
    ) -> None:
        super().__init__(scope, id_)
        settings = foundation.deployment.settings
        # With SQS's own key: EventBridge drops events silently for a customer key that admits it by source only.
        queue = GuardedQueue(
            self,
            "Runs",
            key=None,
            alarms=foundation.alarms,
            of="Runs for MLflow",
            consumer_seconds=RECORDING_SECONDS,
            batch_window_seconds=settings.batch_window_seconds,
            receives=TRIES,
            delay_seconds=DELAY_SECONDS,
        ).queue
        undelivered = Undelivered(self, "Undelivered", key=None, alarms=foundation.alarms, of="Runs for MLflow").queue
        target = events.CfnRule.TargetProperty(
            id="Tracking",
            arn=queue.queue_arn,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=undelivered.queue_arn),
        )

        def rule(id_: str, **properties: Any) -> events.CfnRule:
            return events.CfnRule(self, id_, targets=[target], **properties)

        rules = (
            rule(
                "Executions",
                description="Training runs that begin or end, to the function that records them in MLflow",
                event_pattern={
                    "source": [EXECUTION_SOURCE],
                    "detail-type": [EXECUTION_DETAIL_TYPE],
                    "detail": {"stateMachineArn": [machine.arn]},
                },
            ),
            rule(
                "Trained",
                description="Training runs that wait for a review, to the function that records them in MLflow",
                event_bus_name=foundation.bus.event_bus_name,
                event_pattern={
                    "source": [EVENT_SOURCE],
                    "detail-type": [EVENT_DETAIL_TYPE],
                    "detail": {"station": [TRAINING.name], "kind": ["waiting"]},
                },
            ),
        )
        for each in (queue, undelivered):
            admit_rules(each, rules)
        consume(function, queue, key=None, settings=settings, batch=BATCH)
        _let_read(function.role, machine, foundation)


def _let_read(role: iam.Role, machine: Machine, foundation: FoundationStack) -> None:
    """What a run left, and where MLflow is."""
    foundation.store.grant_read(role, Folder.RUNS)
    foundation.control.grant_read(role)
    foundation.champions.grant_read(role)
    look_at_executions(role, machine)
    list_paid_jobs(role)
    name = parameter_name(foundation.deployment.environment, Parameter.MLFLOW_APP).removeprefix("/")
    parameter = Stack.of(role).format_arn(service="ssm", resource="parameter", resource_name=name)
    allow(role, ("ssm:GetParameter",), (parameter,))
