"""When a line's online features are published: a rule that starts the online machine at the declared moment."""

from __future__ import annotations

import json

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.names import line_resource, online_machine
from stacks.constructs.access.grants import allow
from stacks.constructs.schedules.moments import cron_of


class OnlineSchedule(Construct):
    """Nothing where the line declares no moment."""

    def __init__(self, scope: Construct, id_: str, *, line: Line, environment: str) -> None:
        super().__init__(scope, id_)
        if line.online_refresh is None:
            return
        stack = Stack.of(self)
        machine = stack.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=online_machine(environment),
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        account = {"StringEquals": {"aws:SourceAccount": stack.account}}
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("events.amazonaws.com", conditions=account))
        allow(role, ("states:StartExecution",), (machine,))
        events.CfnRule(
            self,
            "Rule",
            name=f"{line_resource(environment, line.name)}-online",
            description=f"Publishes the online features of {line.name} {line.online_refresh} UTC",
            schedule_expression=cron_of(line.online_refresh),
            targets=[
                events.CfnRule.TargetProperty(
                    id="OnlineMachine", arn=machine, role_arn=role.role_arn, input=json.dumps({"line": line.name})
                )
            ],
        )
