"""Every statement of an environment with its references filled in, by whom it binds and what it protects."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from assembly_line.proof.permissions.policies import IDENTITY_POLICIES, as_list
from assembly_line.proof.templates import Resource
from assembly_line.proof.world import World

# Policies of resources: the property that names what is protected, and the one that holds the statements.
RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SQS::QueuePolicy": ("Queues", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::KMS::Key": ("", "KeyPolicy"),
}


@dataclass(frozen=True, eq=False)
class Rule:
    """One statement. `path` is where it stands in its resource's document, so that it can be taken out.

    Args:
        principals: kind (`AWS`, `Service`, `Federated`) and value of each; empty in the policy of an identity.
    """

    owner: Resource
    path: tuple[str | int, ...]
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, tuple[str, ...]]]
    principals: tuple[tuple[str, str], ...] = ()

    def covers(self, action: str, resource: str) -> bool:
        return any(matches(each, action, fold=True) for each in self.actions) and any(
            matches(each, resource) for each in self.resources
        )

    def __str__(self) -> str:
        return f"{self.owner.stack}/{self.owner.id}, statement {self.path[-1]}"


@cache
def _compiled(pattern: str, fold: bool) -> re.Pattern[str]:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if fold else re.NOFLAG))


def matches(pattern: str, value: str, *, fold: bool = False) -> bool:
    """Whether IAM's wildcards `*` and `?` in the pattern cover the value."""
    return _compiled(pattern, fold).fullmatch(value) is not None


@dataclass(frozen=True)
class Rules:
    """Rules by the ARN of the role, of the consumer's policy or of the protected resource."""

    world: World

    @cached_property
    def of_roles(self) -> Mapping[str, list[Rule]]:
        """What each role is allowed by the policies that are attached to it."""
        found: dict[str, list[Rule]] = defaultdict(list)
        for resource in self.world.of_type(*IDENTITY_POLICIES):
            rules = list(self._statements(resource, ("PolicyDocument",)))
            for role in resource.properties.get("Roles", []):
                found[self._role_arn(role, resource.stack)] += rules
        for resource in self.world.of_type("AWS::IAM::Role"):
            arn = self.world.arn(resource)
            found.setdefault(arn, [])
            for number in range(len(resource.properties.get("Policies", []))):
                found[arn] += self._statements(resource, ("Policies", number, "PolicyDocument"))
        return found

    @cached_property
    def of_consumers(self) -> list[Rule]:
        """What the managed policies allow that applications attach to roles of their own."""
        policies = self.world.of_type("AWS::IAM::ManagedPolicy")
        return [rule for each in policies for rule in self._statements(each, ("PolicyDocument",))]

    @cached_property
    def trust(self) -> Mapping[str, list[Rule]]:
        """Who may assume each role."""
        return {
            self.world.arn(role): list(self._statements(role, ("AssumeRolePolicyDocument",), self.world.arn(role)))
            for role in self.world.of_type("AWS::IAM::Role")
        }

    @cached_property
    def of_resources(self) -> Mapping[str, list[Rule]]:
        """Policies of buckets, queues, topics, keys and functions."""
        found: dict[str, list[Rule]] = defaultdict(list)
        for type_, (names, document) in RESOURCE_POLICIES.items():
            for resource in self.world.of_type(type_):
                protected = as_list(resource.properties[names]) if names else [{"Ref": resource.id}]
                for reference in protected:
                    arn = self._protected(reference, resource)
                    found[arn] += self._statements(resource, (document,), arn)
        for permission in self.world.of_type("AWS::Lambda::Permission"):
            arn, rule = self._permission(permission)
            found[arn].append(rule)
        return found

    def every_rule(self) -> Iterator[Rule]:
        """Each rule once."""
        seen = set()
        groups = (*self.of_roles.values(), self.of_consumers, *self.trust.values(), *self.of_resources.values())
        for rule in (rule for group in groups for rule in group):
            if id(rule) not in seen:
                seen.add(id(rule))
                yield rule

    def _role_arn(self, reference: Any, stack: str) -> str:
        name = self.world.text(reference, stack)
        return self.world.place.fill("arn:{p}:iam::{a}:role/{name}", name=name.rpartition("/")[2])

    def _protected(self, reference: Any, policy: Resource) -> str:
        named = self.world.text(reference, policy.stack)
        for resource in self.world.of_type("AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::KMS::Key"):
            if named in (self.world.ref(resource), self.world.arn(resource)):
                return self.world.arn(resource)
        return named

    def _statements(self, owner: Resource, path: tuple[str | int, ...], protected: str | None = None) -> Iterator[Rule]:
        policy: Any = owner.properties
        for part in path:
            policy = policy[part]
        for number, statement in enumerate(as_list(policy["Statement"])):
            filled = self.world.value(statement, owner.stack)
            given = as_list(filled.get("Resource", protected or "*"))
            # In a key's policy `*` is the key itself.
            own = protected if owner.type == "AWS::KMS::Key" else None
            yield Rule(
                owner=owner,
                path=(*path, "Statement", number),
                allows=filled["Effect"] == "Allow",
                actions=tuple(as_list(filled.get("Action", []))),
                resources=tuple(own if own and each == "*" else each for each in given),
                conditions=_conditions(filled.get("Condition", {})),
                principals=_principals(filled.get("Principal")),
            )

    def _permission(self, permission: Resource) -> tuple[str, Rule]:
        given = self.world.value(permission.properties, permission.stack)
        name = given["FunctionName"]
        arn = name if name.startswith("arn:") else self.world.place.fill("arn:{p}:lambda:{r}:{a}:function:{n}", n=name)
        conditions = {
            operator: {key: (given[field],)}
            for operator, key, field in (
                ("ArnLike", "AWS:SourceArn", "SourceArn"),
                ("StringEquals", "AWS:SourceAccount", "SourceAccount"),
            )
            if field in given
        }
        principal = given["Principal"]
        kind = "Service" if principal.endswith(".amazonaws.com") else "AWS"
        return arn, Rule(permission, ("Action",), True, (given["Action"],), (arn,), conditions, ((kind, principal),))


def _conditions(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        operator: {key: tuple(str(value) for value in as_list(values)) for key, values in keys.items()}
        for operator, keys in given.items()
    }


def _principals(given: Any) -> tuple[tuple[str, str], ...]:
    if given is None:
        return ()
    if isinstance(given, str):
        return (("AWS", given),)
    return tuple((kind, str(value)) for kind, values in given.items() for value in as_list(values))
