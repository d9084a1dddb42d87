"""What the stack of every station is made of: functions, machines, parameters, all on the same foundation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from assembly_line.environments import Environment
from assembly_line.names import Parameter, Station, log_parameter
from stacks.constructs.machine import Machine
from stacks.constructs.parameters import Parameters
from stacks.constructs.station_function import Runtime, StationFunction
from stacks.foundation import FoundationStack
from stacks.machines.station_events import Announcer


class StationStack(Stack):
    """A stack on the foundation. It may use the foundation and stacks named in its constructor; never a LineStack."""

    def __init__(self, scope: Construct, name: str, *, foundation: FoundationStack) -> None:
        deployment = foundation.deployment
        super().__init__(scope, deployment.stack_id(name), env=deployment.place)
        self.foundation = foundation
        self.settings = deployment.settings
        self.environment_name = deployment.environment
        self._runtime = Runtime(self, "Runtime", settings=self.settings, layer=deployment.layer, key=foundation.key)

    def function(
        self,
        id_: str,
        *,
        handler: str,
        environment: Environment,
        seconds: int,
        memory_mib: int | None = None,
        storage_mib: int = 512,
    ) -> StationFunction:
        """A function of this station, whose log group a parameter tells; `handler` is the part after `lambdas.`."""
        function = StationFunction(
            self,
            id_,
            runtime=self._runtime,
            handler=f"lambdas.{handler}",
            environment=environment,
            timeout=Duration.seconds(seconds),
            memory_mib=memory_mib,
            storage_mib=storage_mib,
        )
        name = log_parameter(self.environment_name, handler.replace(".handler.", ".", 1))
        ssm.CfnParameter(function, "LogName", name=name, type="String", value=function.log_group.log_group_name)
        return function

    def announcer(self, station: Station) -> Announcer:
        """Announces the work of a station on the line's bus."""
        bus = self.foundation.bus.event_bus_arn
        return Announcer(station=station, environment=self.environment_name, account=self.account, bus=bus)

    def machine(
        self, id_: str, definition: dict[str, Any], *, calls: Iterable[StationFunction], name: str | None = None
    ) -> Machine:
        """A state machine that may announce, and call these functions; named where another stack must know the name."""
        machine = Machine(
            self,
            id_,
            definition=definition,
            settings=self.settings,
            key=self.foundation.key,
            alarms=self.foundation.alarms,
            name=name,
        )
        self.foundation.bus.grant_put_events_to(machine.role)
        for function in calls:
            function.grant_invoke(machine.role)
        return machine

    def parameters(self, values: dict[Parameter, str]) -> None:
        """Publish what the command line looks up."""
        Parameters(self, environment=self.environment_name, values=values)
