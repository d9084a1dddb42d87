"""Names that stand in templates: which are fixed, which stay behind, and who must be deployed before whom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import product

from assembly_line.proof.findings import Finding, fault
from assembly_line.proof.templates import Resource
from assembly_line.proof.world import World

CHECK = "deployment"
# An inline policy's name is known to its role alone; parameters are read when something runs; many APIs share a name.
FOUND_AT_RUN_TIME = frozenset(
    {"AWS::IAM::Policy", "AWS::SSM::Parameter", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"}
)
# What CloudFormation keeps unless told otherwise is told in every template, by the CDK.
KEEPING = ("Retain", "RetainExceptOnCreate", "Snapshot")


def own_names(resource: Resource, world: World) -> Iterator[str]:
    """The names that a template fixes for a resource, as other templates would spell them."""
    name = world.fixed_name(resource)
    if name is not None and resource.type not in FOUND_AT_RUN_TIME:
        yield name


def kept_under_fixed_names(world: World) -> Iterator[Finding]:
    """What outlives its stack under a name that the next deployment wants again."""
    for resource in world.resources.values():
        name = world.lasting_name(resource)
        kept = resource.document.get("DeletionPolicy", "Delete") in KEEPING
        if name is not None and kept:
            says = f"stays behind as {name!r}, and the next deployment cannot make it again"
            todo = "leave the name to CloudFormation, or delete the resource with its stack"
            yield fault(CHECK, str(resource), says, todo)


def names_without_dependency(world: World) -> Iterator[Finding]:
    """A stack that names a thing of another stack must be deployed after it."""
    texts = {
        stack: json.dumps(world.value(_body(template), stack)) for stack, template in world.templates.by_stack.items()
    }
    for owner, (stack, text) in product(world.resources.values(), texts.items()):
        if stack == owner.stack or owner.stack in world.templates.dependencies.get(stack, frozenset()):
            continue
        for name in own_names(owner, world):
            if len(name) > 3 and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text):
                yield fault(
                    CHECK,
                    str(owner),
                    f"is named {name!r} in stack {stack}, which may be deployed first",
                    "add the dependency between the stacks",
                )


def _body(template: dict[str, object]) -> object:
    return template["Resources"]


def imports_without_dependency(world: World) -> Iterator[Finding]:
    """A stack that imports a value of another must be deployed after it."""
    owners = {name: owner for name, (owner, _) in _exported(world).items()}
    for stack, name in _imports(world):
        owner = owners[name]
        if owner not in world.templates.dependencies.get(stack, frozenset()):
            says = f"imports {name} of stack {owner}, which may be deployed later"
            yield fault(CHECK, stack, says, "add the dependency between the stacks")


def exports_that_deadlock(world: World) -> Iterator[Finding]:
    """An export in use cannot change or go: no stack may import what a changed layer or a removed line takes away."""
    exported = _exported(world)
    for stack, name in _imports(world):
        owner, value = exported[name]
        if owner.startswith("Line-"):
            says = "a line cannot be removed while something of it is imported"
            yield fault(CHECK, f"{stack} imports {name}", says, "derive the name instead")
        for id_ in re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"([^"]+)"', value):
            resource = world.resources.get((owner, id_))
            if resource is not None and resource.type in REPLACED:
                says = f"{resource} is replaced whenever its content changes"
                yield fault(CHECK, f"{stack} imports {name}", says, "make one in each stack that uses it")


def _exported(world: World) -> dict[str, tuple[str, str]]:
    """Name of each export -> the stack that has it, and its value as the template spells it."""
    return {
        str(world.value(output["Export"]["Name"], stack)): (stack, json.dumps(output["Value"]))
        for stack, template in world.templates.by_stack.items()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }


def _imports(world: World) -> Iterator[tuple[str, str]]:
    """Each stack with each name that it imports."""
    for stack, template in world.templates.by_stack.items():
        for name in sorted(set(re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(template)))):
            yield stack, name


# Types of which each change of content makes another resource.
REPLACED = frozenset({"AWS::Lambda::LayerVersion", "AWS::Lambda::Version", "AWS::ApiGateway::Deployment"})
