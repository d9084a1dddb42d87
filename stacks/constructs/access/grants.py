"""Permissions without wildcards where there can be none, and with a recorded reason where there must be one.

What was asked before is remembered: each call into the CDK goes to a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct, IConstruct

from stacks.constructs.access.reasons import acknowledge_wildcards


def allow(
    role: iam.Role,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    because: str | None = None,
    conditions: Mapping[str, Any] | None = None,
) -> None:
    """Let the role do `actions` on `resources`. A resource with a wildcard needs the reason `because`."""
    # Of the two methods for this the one whose answer is a plain boolean: the other's takes two more calls to read.
    role.add_to_policy(iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions))
    acknowledge_wildcards(role, resources, because=because)


def use_key(role: iam.Role, key: kms.IKey) -> None:
    """Read and write what the key protects. Exact actions: CDK's own grant has wildcards in them."""
    # Every object of the CDK can be hashed, but the interface does not say so.
    _use_key(role, key)  # type: ignore[arg-type]


@cache
def _use_key(role: iam.Role, key: kms.IKey) -> None:
    allow(role, ("kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"), (key.key_arn,))


def arn_for(user: Construct, owner: IConstruct, arn: str) -> str:
    """`arn` of a resource of `owner`'s stack as the stack of `user` writes it, so that its text is known by now."""
    source = Stack.of(owner)
    if source is Stack.of(user):
        return arn
    return _exported(source, arn)


@cache
def _exported(source: Stack, arn: str) -> str:
    exported: str = source.export_value(arn)
    return exported
