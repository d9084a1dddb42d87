"""Functions that a schedule calls."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.constructs.access.grants import allow
from stacks.constructs.alarms import FIVE_MINUTES, Alarms
from stacks.constructs.schedules.moments import cron_of


def call_at(
    scope: Construct,
    id_: str,
    *,
    arn: str,
    name: str,
    given: Mapping[str, str],
    at: str | Sequence[str],
    what: str,
    fails: str,
    enabled: bool,
    alarms: Alarms,
    undelivered: sqs.IQueue | None = None,
) -> None:
    """Let a schedule call a function at declared moments, and an alarm ring where a call fails.

    Args:
        arn, name: of the function.
        given: its input.
        at: the moments, such as `daily at 00:20`, in UTC; or schedules of EventBridge, in UTC as well.
        what: the schedule is for, in words; `fails`: what the alarm says.
        undelivered: takes calls that could not be made; None where the next call makes up for one.
    """
    role = schedule_role(scope, id_, "scheduler")
    allow(role, ("lambda:InvokeFunction",), (arn,))
    undeliverable = None
    if undelivered is not None:
        allow(role, ("sqs:SendMessage",), (undelivered.queue_arn,))
        undeliverable = scheduler.CfnSchedule.DeadLetterConfigProperty(arn=undelivered.queue_arn)
    alarms.when(
        scope,
        f"{id_}Fails",
        metric=cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions_map={"FunctionName": name},
            period=FIVE_MINUTES,
            statistic="Sum",
        ),
        description=fails,
    )
    for number, cron in enumerate([cron_of(at)] if isinstance(at, str) else at):
        scheduler.CfnSchedule(
            scope,
            f"{id_}{number or ''}",
            description=f"{what}, {at if isinstance(at, str) else cron} UTC",
            schedule_expression=cron,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state=state_of(enabled),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=arn, role_arn=role.role_arn, input=json.dumps(dict(given)), dead_letter_config=undeliverable
            ),
        )


def schedule_role(scope: Construct, id_: str, service: str) -> iam.Role:
    """A role that a service of the same account takes when a moment has come."""
    account = {"StringEquals": {"aws:SourceAccount": Stack.of(scope).account}}
    return iam.Role(
        scope, f"{id_}Role", assumed_by=iam.ServicePrincipal(f"{service}.amazonaws.com", conditions=account)
    )


def state_of(enabled: bool) -> str:
    """As EventBridge spells it."""
    return "ENABLED" if enabled else "DISABLED"
