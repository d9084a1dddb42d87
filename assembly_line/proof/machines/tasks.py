"""What machines are defined to call, whether a recorded run came that way or not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.proof.templates import Resource
from assembly_line.proof.world import World

_RESOURCE = re.compile(r"arn:[\w-]+:states:::(?P<sdk>aws-sdk:)?(?P<service>\w+):(?P<action>\w+)(?P<pattern>\.[\w:]+)?")


@dataclass(frozen=True)
class Machine:
    """One state machine: ARN, ARN of its role, and its definition with every reference filled in."""

    resource: Resource
    arn: str
    role: str
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The machine's word in its construct's path, such as `Training`."""
        return re.sub(r"Machine.*", "", self.resource.id)

    def tasks(self) -> Iterator[Task]:
        for name, state in states_of(self.definition):
            if state["Type"] == "Task" and (found := _RESOURCE.fullmatch(state["Resource"])):
                given = state.get("Arguments", state.get("Parameters", {}))
                yield Task(self, name, found["service"], found["action"], found["pattern"] or "", given, state)


@dataclass(frozen=True)
class Task:
    """One Task state. `pattern` is `.sync`, `.sync:2`, `.waitForTaskToken` or empty."""

    machine: Machine
    name: str
    service: str
    action: str
    pattern: str
    arguments: Mapping[str, Any]
    state: Mapping[str, Any]


def states_of(definition: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every state, those of branches and maps too."""
    for name, state in definition["States"].items():
        yield name, state
        for branch in state.get("Branches", []):
            yield from states_of(branch)
        for field in ("ItemProcessor", "Iterator"):
            if field in state:
                yield from states_of(state[field])


def machines(world: World) -> list[Machine]:
    return [
        Machine(
            resource,
            world.arn(resource),
            world.text(resource.properties["RoleArn"], resource.stack),
            json.loads(world.text(resource.properties["DefinitionString"], resource.stack)),
        )
        for resource in world.of_type("AWS::StepFunctions::StateMachine")
    ]
