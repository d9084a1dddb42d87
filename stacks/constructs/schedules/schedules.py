"""What a line wants done at declared moments: rules that start machines for it, a schedule that calls a function.

A machine waits where its job has as many runs as it may have, and tells of a failure; a trigger of Glue does neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.declarations.delivery.due import Due
from assembly_line.declarations.lines import Line
from assembly_line.line_metrics import MISSING
from assembly_line.names import (
    aws_name,
    expire_function,
    online_machine,
    refresh_function,
    slots_function,
    tables_machine,
)
from stacks.constructs.access.grants import allow
from stacks.constructs.alarms import Alarms, line_metric
from stacks.constructs.messaging.guarded_queue import Undelivered, admit_rules
from stacks.constructs.schedules.calls import call_at, schedule_role, state_of
from stacks.constructs.schedules.moments import cron_of, crons_of

# Besides its slots a line is looked at every hour; one that is due after a load, every five minutes.
HOURLY, LOOKS = ("cron(23 * * * ? *)",), ("cron(0/5 * * * ? *)",)


class Schedules(Construct):
    """Nothing where the line declares no moment. Tables with one refresh share a run."""

    def __init__(
        self, scope: Construct, id_: str, *, line: Line, environment: str, enabled: bool, alarms: Alarms
    ) -> None:
        super().__init__(scope, id_)
        refresh, retention = line.refresh, line.training.retention
        moments = {table.refresh for table in line.tables} | {line.online_refresh}
        moments |= {None if declared is None else declared.at for declared in (refresh, retention)}
        if moments == {None} and line.delivery.due is None:
            return
        self._enabled = enabled
        # With SQS's own key: EventBridge drops events silently for a customer key that admits it by source only.
        self._alarms = alarms
        self._undelivered = Undelivered(
            self, "Undelivered", key=None, alarms=alarms, of=f"Schedules of {line.name}"
        ).queue
        self._rules: list[events.CfnRule] = []
        if line.online_refresh is not None:
            starter = self._starter("Online", online_machine(environment))
            self._rule("OnlineRule", line.online_refresh, starter, {"line": line.name})
        self._refresh_tables(line, environment)
        if self._rules:
            admit_rules(self._undelivered, self._rules)
        if refresh is not None:
            self._call(
                "Refresh", line.name, refresh.at, refresh_function(environment), "a look, whether it trains again"
            )
        if retention is not None:
            self._call("Expire", line.name, retention.at, expire_function(environment), "the expiry of old runs")
        if line.delivery.due is not None:
            self._score(line.name, line.delivery.due, environment)

    def _score(self, line: str, due: Due, environment: str) -> None:
        """Look at each slot, and between them for what was missed, is late, or was loaded."""
        looks = LOOKS if due.cadence is None else [*crons_of(due.cadence), *HOURLY]
        self._call("Score", line, looks, slots_function(environment), "a look, whether decisions are due")
        self._alarms.when(
            self,
            "Missing",
            metric=line_metric(MISSING, environment, line, period=Duration.hours(1)),
            description=f"{line}: decisions were due and are not delivered: `line delivery slots {line}` says which",
        )

    def _refresh_tables(self, line: Line, environment: str) -> None:
        moments: dict[str, list[str]] = {}
        for table in line.tables:
            if table.refresh is not None:
                moments.setdefault(table.refresh, []).append(table.name)
        if moments:
            starter = self._starter("Tables", tables_machine(environment))
        for refresh, tables in moments.items():
            given = {"line": line.name, "tables": ",".join(tables)}
            self._rule(f"At-{aws_name(refresh.replace(' ', '-'))}", refresh, starter, given)

    def _starter(self, id_: str, name: str) -> tuple[iam.Role, str]:
        """A role that starts the machine of this name, and the machine's ARN."""
        stack = Stack.of(self)
        machine = stack.format_arn(
            service="states",
            resource="stateMachine",
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        role = schedule_role(self, id_, "events")
        allow(role, ("states:StartExecution",), (machine,))
        return role, machine

    def _call(self, id_: str, line: str, at: str | Sequence[str], function: str, what: str) -> None:
        """Let a function look at the declared moments.

        Args:
            function: its physical name.
            what: the call in words.
        """
        arn = Stack.of(self).format_arn(
            service="lambda", resource="function", resource_name=function, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        call_at(
            self,
            id_,
            arn=arn,
            name=function,
            given={"line": line},
            at=at,
            what=f"{line}: {what}",
            # All lines share the function, so each line's alarm rings for each.
            fails=f"Of some line {what} failed: the function's log says which line",
            enabled=self._enabled,
            alarms=self._alarms,
            undelivered=self._undelivered,
        )

    def _rule(self, id_: str, refresh: str, starter: tuple[iam.Role, str], given: Mapping[str, str]) -> None:
        role, machine = starter
        target = events.CfnRule.TargetProperty(
            id="Machine",
            arn=machine,
            role_arn=role.role_arn,
            input=json.dumps(given),
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self._undelivered.queue_arn),
        )
        rule = events.CfnRule(
            self,
            id_,
            description=f"{given['line']}, {refresh} UTC: {given.get('tables', 'online features')}"[:512],
            schedule_expression=cron_of(refresh),
            state=state_of(self._enabled),
            targets=[target],
        )
        self._rules.append(rule)
