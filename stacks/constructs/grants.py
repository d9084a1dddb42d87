"""Permissions without wildcards where there can be none, and with a recorded reason where there must be one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct


def allow(
    role: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Let the role do `actions` on `resources`. A resource with a wildcard needs the reason `because`."""
    role.add_to_principal_policy(
        iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
    )
    if _wild(resources):
        acknowledge_wildcards(role.node.find_child("DefaultPolicy"), resources, because=because)


def acknowledge_wildcards(policy: IConstruct, resources: Sequence[str], *, because: str | None) -> None:
    """Record on this one policy why each of its resources with a wildcard has one."""
    for resource in _wild(resources):
        flat = _flat(Stack.of(policy).resolve(resource))
        if because is None:
            raise ValueError(f"{policy.node.path}: {flat} has a wildcard; say why with because=")
        acknowledge(policy, f"IAM5[Resource::{flat}]", because)


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Record why this one finding of AwsSolutions is right for this one resource."""
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason))


def use_key(role: iam.Role, key: kms.IKey) -> None:
    """Read and write what the key protects. Exact actions: CDK's own grant has wildcards in them."""
    allow(role, ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), (key.key_arn,))


def arn_for(user: Construct, owner: IConstruct, arn: str) -> str:
    """`arn` of a resource of `owner`'s stack as the stack of `user` writes it, so that its text is known by now."""
    source = Stack.of(owner)
    if source.node.path == Stack.of(user).node.path:
        return arn
    exported: str = source.export_value(arn)
    return exported


def _wild(resources: Sequence[str]) -> list[str]:
    """Those with a wildcard. An attribute that is known only at deployment has none."""
    return [resource for resource in resources if "*" in resource]


def _flat(value: object) -> str:
    """A resource as cdk-nag spells it in its finding."""
    if isinstance(value, str):
        return value.replace("${", "<").replace("}", ">")
    if isinstance(value, dict):
        match next(iter(value.items())):
            case ("Fn::Join", [str(delimiter), list(items)]):
                return delimiter.join(map(_flat, items))
            case ("Fn::GetAtt", [resource, attribute]):
                return f"<{_flat(resource)}.{_flat(attribute)}>"
            case ("Ref", resource):
                return f"<{_flat(resource)}>"
            case ("Fn::Sub" | "Fn::ImportValue", inner):
                return _flat(inner)
    return json.dumps(value, separators=(",", ":"))
