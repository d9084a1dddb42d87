"""What the stack of every station is made of: functions, machines, parameters, all on the same foundation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from aws_cdk import Duration, Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from assembly_line import stations
from assembly_line.environments import Environment
from assembly_line.names import log_parameter
from stacks.constructs.access.permissions import let_start
from stacks.constructs.machine import Machine
from stacks.constructs.parameters import Parameters
from stacks.constructs.station_function import Runtime, StationFunction
from stacks.foundation import FoundationStack
from stacks.machines.station_events import Announcer


class StationStack(Stack):
    """A stack on the foundation. It may use the foundation and stacks named in its constructor; never a LineStack."""

    def __init__(self, scope: Construct, station: stations.Station, *, foundation: FoundationStack) -> None:
        deployment = foundation.deployment
        super().__init__(scope, deployment.stack_id(station.name.capitalize()), env=deployment.place)
        self.station = station
        self.machines: dict[str, Machine] = {}
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
        layer: Path | None = None,
        name: str | None = None,
    ) -> StationFunction:
        """A function of this station, whose log group a parameter tells; `handler` is the part after `lambdas.`.

        Args:
            layer: packages of its own, in place of those of the other functions.
            name: physical, where another stack must know it.
        """
        function = StationFunction(
            self,
            id_,
            runtime=self._runtime,
            handler=f"lambdas.{handler}",
            environment=environment,
            timeout=Duration.seconds(seconds),
            memory_mib=memory_mib,
            storage_mib=storage_mib,
            layer=layer,
            name=name,
        )
        parameter = log_parameter(self.environment_name, handler.replace(".handler.", ".", 1))
        ssm.CfnParameter(function, "LogName", name=parameter, type="String", value=function.log_group.log_group_name)
        return function

    @property
    def announcer(self) -> Announcer:
        """Announces the work of this station on the line's bus."""
        bus = self.foundation.bus.event_bus_arn
        return Announcer(station=self.station.name, environment=self.environment_name, account=self.account, bus=bus)

    def machine(
        self,
        registered: stations.Machine,
        definition: dict[str, Any],
        *,
        calls: Iterable[StationFunction],
        id_: str | None = None,
        name: str | None = None,
    ) -> Machine:
        """A state machine that may announce, call these functions, and be started by scientists.

        Args:
            id_: of the construct, where the machine's own name is taken.
            name: physical, where another stack must know it.
        """
        machine = Machine(
            self,
            id_ or registered.name.capitalize(),
            definition=definition,
            settings=self.settings,
            key=self.foundation.key,
            alarms=self.foundation.alarms,
            name=name,
        )
        self.foundation.bus.grant_put_events_to(machine.role)
        for function in calls:
            function.grant_invoke(machine.role)
        let_start(machine, self.foundation.people.scientist)
        self.machines[registered.name] = machine
        return machine

    def parameters(self, values: Mapping[str, str] = MappingProxyType({})) -> None:
        """Publish what the command line looks up: these, and the machines."""
        arns = {each.parameter: self.machines[each.name].arn for each in self.station.machines}
        Parameters(self, environment=self.environment_name, values={**values, **arns})
