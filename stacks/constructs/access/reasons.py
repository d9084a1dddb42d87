"""Why findings of the security rules are right where they are. Told to the rules if these run, and else to nobody.

Each reason takes the CDK three calls into its own process; a synthesis without the rules has no use for any.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reason:
    """Args: `resource`: the one with a wildcard, which the finding names."""

    construct: IConstruct
    finding: str
    resource: str | None
    because: str


_REASONS: list[_Reason] = []


def acknowledge(construct: IConstruct, finding: str, reason: str) -> None:
    """Record why this one finding of AwsSolutions is right for this one resource."""
    _REASONS.append(_Reason(construct=construct, finding=finding, resource=None, because=reason))


def acknowledge_wildcards(
    policy: iam.Role | iam.Policy | iam.ManagedPolicy, resources: Sequence[str], *, because: str | None
) -> None:
    """Record on this one policy, of a role its own, why each of its resources with a wildcard has one.

    An attribute that is known only at deployment has none.
    """
    for resource in resources:
        if "*" not in resource:
            continue
        if because is None:
            flat = _flat(Stack.of(policy).resolve(resource))
            raise ValueError(f"{policy.node.path}: {flat} has a wildcard; say why with because=")
        _REASONS.append(_Reason(construct=policy, finding="IAM5", resource=resource, because=because))


def tell_rules() -> None:
    """Hand over every reason recorded so far."""
    for reason in _REASONS:
        finding = f"AwsSolutions-{reason.finding}"
        if reason.resource is not None:
            finding += f"[Resource::{_flat(Stack.of(reason.construct).resolve(reason.resource))}]"
        construct = reason.construct
        if isinstance(construct, iam.Role):
            construct = construct.node.find_child("DefaultPolicy")
        Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason.because))


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
