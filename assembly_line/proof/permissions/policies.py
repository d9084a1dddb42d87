"""What the templates allow: statements of identities, of resources, and who may assume which role."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assembly_line.proof.templates import Resource

IDENTITY_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")


@dataclass(frozen=True)
class Statement:
    """One statement, with where it stands."""

    owner: Resource
    document: dict[str, Any]

    @property
    def allows(self) -> bool:
        return bool(self.document["Effect"] == "Allow")

    @property
    def actions(self) -> list[str]:
        return as_list(self.document.get("Action", []))

    @property
    def resources(self) -> list[str]:
        return [as_text(resource) for resource in as_list(self.document.get("Resource", []))]

    @property
    def services(self) -> list[str]:
        """Service principals, of a resource's policy or a trust policy."""
        principal = self.document.get("Principal", {})
        return [] if isinstance(principal, str) else [as_text(each) for each in as_list(principal.get("Service", []))]

    @property
    def conditions(self) -> dict[str, Any]:
        found: dict[str, Any] = self.document.get("Condition", {})
        return found

    @property
    def condition_keys(self) -> set[str]:
        return {key for operator in self.conditions.values() for key in operator}

    def __str__(self) -> str:
        return f"{self.owner}: {json.dumps(self.document)[:300]}"


def identity_statements(resources: Iterable[Resource]) -> Iterator[Statement]:
    """What roles are allowed, attached or inline."""
    for resource in resources:
        if resource.type in IDENTITY_POLICIES:
            yield from statements_of(resource, resource.properties["PolicyDocument"])
        for inline in resource.properties.get("Policies", []) if resource.type == "AWS::IAM::Role" else []:
            yield from statements_of(resource, inline["PolicyDocument"])


def trust_statements(resources: Iterable[Resource]) -> Iterator[Statement]:
    for resource in resources:
        if resource.type == "AWS::IAM::Role":
            yield from statements_of(resource, resource.properties["AssumeRolePolicyDocument"])


def resource_statements(resources: Iterable[Resource], type_: str) -> Iterator[Statement]:
    """Statements of the policies of one type, such as `AWS::SQS::QueuePolicy`, or of keys."""
    document = "KeyPolicy" if type_ == "AWS::KMS::Key" else "PolicyDocument"
    for resource in resources:
        if resource.type == type_:
            yield from statements_of(resource, resource.properties[document])


def statements_of(owner: Resource, policy: dict[str, Any]) -> Iterator[Statement]:
    for statement in as_list(policy["Statement"]):
        yield Statement(owner, statement)


def as_text(value: object) -> str:
    """A value of a template as one text; references as `<Id>` or `<Id.Attribute>`, imports by their export's name."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        match next(iter(value.items())):
            case ("Fn::Join", [str(delimiter), list(items)]):
                return delimiter.join(map(as_text, items))
            case ("Fn::GetAtt", [resource, attribute]):
                return f"<{resource}.{attribute}>"
            case ("Ref", resource):
                return f"<{resource}>"
            case ("Fn::ImportValue", name):
                return f"<import {as_text(name)}>"
            case ("Fn::Sub", text):
                return as_text(text)
            case ("Fn::Select", [index, {"Fn::Split": [str(), inner]}]):
                return f"<{index} of {as_text(inner)}>"
    return json.dumps(value)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
