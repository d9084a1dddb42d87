"""An environment as CloudFormation would make it: every reference in its templates becomes a name or an ARN."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from assembly_line.errors import ProofError
from assembly_line.proof.physical_names import KINDS, OTHER, Kind, Place, generated_name
from assembly_line.proof.templates import Resource, Templates

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_ESCAPED = re.compile(r"\$\{!([^}]*)\}")


class World:
    """`templates` in one account. Names are as long as CloudFormation makes them."""

    def __init__(self, templates: Templates, place: Place) -> None:
        self.templates = templates
        self.place = place
        self._names: dict[tuple[str, str], str] = {}

    @property
    def environment(self) -> str:
        return self.templates.environment

    @cached_property
    def resources(self) -> Mapping[tuple[str, str], Resource]:
        return {(resource.stack, resource.id): resource for resource in self.templates.resources}

    @cached_property
    def _exports(self) -> Mapping[str, tuple[str, Any]]:
        return {
            str(self.value(output["Export"]["Name"], stack)): (stack, output["Value"])
            for stack, template in self.templates.by_stack.items()
            for output in template.get("Outputs", {}).values()
            if "Export" in output
        }

    def of_type(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources.values() if resource.type in types]

    def name(self, resource: Resource) -> str:
        """Its own name, fixed or generated."""
        key = (resource.stack, resource.id)
        if key not in self._names:
            kind = KINDS.get(resource.type, OTHER)
            fixed = self.fixed_name(resource)
            full = self.templates.full_name(resource.stack)
            self._names[key] = fixed or generated_name(full, resource.id, kind)
        return self._names[key]

    def fixed_name(self, resource: Resource) -> str | None:
        """The name that the template itself gives it."""
        value: Any = resource.properties
        for part in KINDS.get(resource.type, OTHER).named_by.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return None if value is None else str(self.value(value, resource.stack))

    def lasting_name(self, resource: Resource) -> str | None:
        """A fixed name that every deployment gives anew; None where the stack's own id makes it a name used once."""
        return None if "AWS::StackId" in json.dumps(resource.properties) else self.fixed_name(resource)

    def arn(self, resource: Resource) -> str:
        kind = KINDS.get(resource.type, OTHER)
        if resource.type == "AWS::Events::Rule" and (bus := resource.properties.get("EventBusName")):
            name = f"{str(self.value(bus, resource.stack)).rpartition('/')[2]}/{self.name(resource)}"
            return self.place.fill(kind.arn, name=name)
        return self.place.fill(kind.arn, name=self.name(resource))

    def ref(self, resource: Resource) -> str:
        kind = KINDS.get(resource.type, OTHER)
        return self.place.fill(kind.ref, name=self.name(resource), arn=self.arn(resource) if kind.arn else "")

    def value(self, value: Any, stack: str) -> Any:
        """A value of a template of `stack` with every reference filled in."""
        if isinstance(value, list):
            return [each for each in (self.value(one, stack) for one in value) if each is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, given = next(iter(value.items()))
            if name == "Ref" or name.startswith("Fn::"):
                return self._computed(name, given, stack)
        return {key: self.value(each, stack) for key, each in value.items()}

    def text(self, value: Any, stack: str) -> str:
        found = self.value(value, stack)
        return found if isinstance(found, str) else json.dumps(found)

    def _computed(self, name: str, given: Any, stack: str) -> Any:
        match name:
            case "Ref":
                return self._referred(given, stack)
            case "Fn::GetAtt":
                return self._attribute(*(given if isinstance(given, list) else given.split(".", 1)), stack=stack)
            case "Fn::Join":
                return given[0].join(str(self.value(part, stack)) for part in self.value(given[1], stack))
            case "Fn::Base64":
                return base64.b64encode(self.text(given, stack).encode()).decode()
            case "Fn::ImportValue":
                return self._imported(str(self.value(given, stack)), stack)
            case "Fn::Select":
                return self.value(given[1], stack)[int(given[0])]
            case "Fn::Split":
                return str(self.value(given[1], stack)).split(given[0])
            case "Fn::Sub":
                text, values = (given, {}) if isinstance(given, str) else given
                return _ESCAPED.sub(
                    r"${\1}", _VARIABLE.sub(lambda found: self._inserted(found[1], values, stack), text)
                )
        raise ProofError(f"{stack}: {name}: expected a function that `line proof` knows; teach proof/world.py")

    def _inserted(self, name: str, values: Mapping[str, Any], stack: str) -> str:
        if name in values:
            return str(self.value(values[name], stack))
        return str(self._computed("Fn::GetAtt" if "." in name else "Ref", name, stack))

    def _referred(self, name: str, stack: str) -> Any:
        pseudo = {
            "AWS::Partition": self.place.partition,
            "AWS::Region": self.place.region,
            "AWS::AccountId": self.place.account,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": self.templates.full_name(stack),
            "AWS::StackId": self._stack_id(stack),
        }
        if name in pseudo:
            return pseudo[name]
        if name == "AWS::NoValue":
            return None
        if (stack, name) in self.resources:
            return self.ref(self.resources[stack, name])
        parameters = self.templates.by_stack[stack].get("Parameters", {})
        if name in parameters:
            return parameters[name].get("Default")
        raise ProofError(f"{stack}: Ref {name}: expected a resource or a parameter of the template")

    def _stack_id(self, stack: str) -> str:
        name = self.templates.full_name(stack)
        unique = generated_name(name, "", Kind(generated=36))
        return self.place.fill("arn:{p}:cloudformation:{r}:{a}:stack/{n}/{u}", n=name, u=unique)

    def _attribute(self, id_: str, attribute: str, *, stack: str) -> str:
        if (stack, id_) not in self.resources:
            raise ProofError(f"{stack}: GetAtt {id_}: expected a resource of the template")
        resource = self.resources[stack, id_]
        kind: Kind = KINDS.get(resource.type, OTHER)
        if attribute == "Arn" and kind.arn:
            return self.arn(resource)
        if attribute in kind.attributes:
            pattern = kind.attributes[attribute]
            return self.place.fill(pattern, name=self.name(resource), arn=self.arn(resource) if kind.arn else "")
        raise ProofError(
            f"{resource}: attribute {attribute}: expected one that proof/physical_names.py knows; add it there"
        )

    def _imported(self, name: str, stack: str) -> Any:
        if name not in self._exports:
            raise ProofError(f"{stack}: imports {name}: expected an export of another stack of the environment")
        owner, value = self._exports[name]
        return self.value(value, owner)
