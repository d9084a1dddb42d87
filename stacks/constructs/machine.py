"""A state machine of a station: its own role, logs at level ALL without data, tracing, and an alarm on failures."""

from __future__ import annotations

from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.access.grants import allow, arn_for
from stacks.constructs.access.reasons import acknowledge_wildcards
from stacks.constructs.alarms import FIVE_MINUTES, Alarms
from stacks.constructs.log_group import log_group
from stacks.settings import Settings

_NAMED_LATER = "Executions get their names when they start"
TELEMETRY = "Delivery of logs and traces is configured by calls that know no resource"


class Machine(Construct):
    """Exposes `role`, `arn`, and who may start it."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        definition: dict[str, Any],
        settings: Settings,
        key: kms.IKey,
        alarms: Alarms,
        name: str | None = None,
    ) -> None:
        super().__init__(scope, id_)
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com", conditions=account))
        self._machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(Stack.of(self).to_json_string(definition)),
            role=self.role,
            state_machine_type=sfn.StateMachineType.STANDARD,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group(self, "Log", settings=settings, key=key, vended="states"),
                level=sfn.LogLevel.ALL,
                # Inputs and outputs may hold what no log may.
                include_execution_data=False,
            ),
        )
        acknowledge_wildcards(self.role, ("*",), because=TELEMETRY)
        self.arn = self._machine.state_machine_arn
        for alarm, metric, what in (
            ("Failures", self._machine.metric_failed(period=FIVE_MINUTES), "failed"),
            ("Timeouts", self._machine.metric_timed_out(period=FIVE_MINUTES), "ran out of time"),
        ):
            alarms.when(self, alarm, metric=metric, description=f"{definition['Comment']}: a run {what}")

    def executions_for(self, user: Construct) -> str:
        """ARN pattern of the machine's executions, as `user`'s stack writes it."""
        return Stack.of(user).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{arn_for(user, self, self._machine.state_machine_name)}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )


def run_other_machine(role: iam.Role, other: Machine) -> None:
    """Let a machine's role run another machine to its end."""
    start_and_stop(role, other)
    rule = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
    watch_with(role, Stack.of(role).format_arn(service="events", resource=rule))


def look_at_executions(role: iam.Role, machine: Machine) -> None:
    """See how executions of a machine are."""
    allow(role, ("states:DescribeExecution",), (machine.executions_for(role),), because=_NAMED_LATER)


def list_executions(role: iam.Role, machine: Machine) -> None:
    """See which executions of a machine run, and how they are."""
    allow(role, ("states:ListExecutions",), (machine.arn,))
    look_at_executions(role, machine)


def start_and_stop(role: iam.Role, machine: Machine) -> None:
    """Start executions of a machine, see how they are, and stop them."""
    allow(role, ("states:StartExecution",), (machine.arn,))
    allow(
        role,
        ("states:DescribeExecution", "states:StopExecution"),
        (machine.executions_for(role),),
        because=_NAMED_LATER,
    )


def start_and_list(role: iam.Role, machine: Machine) -> None:
    """Start executions of a machine, and see which of them run."""
    allow(role, ("states:ListExecutions", "states:StartExecution"), (machine.arn,))
    allow(role, ("states:DescribeExecution",), (machine.executions_for(role),), because=_NAMED_LATER)


def watch_with(role: iam.Role, rule: str) -> None:
    """The rule that Step Functions itself keeps in the account to learn of the end of what it started."""
    allow(role, ("events:DescribeRule", "events:PutRule", "events:PutTargets"), (rule,))
