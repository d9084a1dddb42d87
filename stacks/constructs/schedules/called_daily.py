"""A function that a schedule calls once a day."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from stacks.constructs.access.grants import allow
from stacks.constructs.alarms import Alarms
from stacks.constructs.schedules.moments import cron_of
from stacks.constructs.station_function import StationFunction


class CalledDaily(Construct):
    """Calls without an input. The next call makes up for one that fails, and an alarm rings.

    Args:
        at: the minute of the day, such as `00:20`, in UTC.
        what: the function does, in words.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        function: StationFunction,
        at: str,
        what: str,
        enabled: bool,
        alarms: Alarms,
    ) -> None:
        super().__init__(scope, id_)
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=account))
        allow(role, ("lambda:InvokeFunction",), (function.arn,))
        alarms.when(
            self,
            "Fails",
            metric=function.function.metric_errors(period=Duration.minutes(5), statistic="Sum"),
            description=f"{what} failed: the function's log says why",
        )
        scheduler.CfnSchedule(
            self,
            "Schedule",
            description=f"{what}, daily {at} UTC",
            schedule_expression=cron_of(f"daily at {at}"),
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            state="ENABLED" if enabled else "DISABLED",
            target=scheduler.CfnSchedule.TargetProperty(arn=function.arn, role_arn=role.role_arn, input="{}"),
        )
