"""Managed policies for consuming applications, whose roles are their own: attach them, and nothing else is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.constructs.access.reasons import acknowledge_wildcards


class ConsumerAccess(Construct):
    """One managed policy; the stack's outputs name it."""

    def __init__(self, scope: Construct, id_: str, *, description: str) -> None:
        super().__init__(scope, id_)
        self._policy = iam.ManagedPolicy(self, "Policy", description=description)
        CfnOutput(self, "Arn", value=self._policy.managed_policy_arn, description=description)

    def allow(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        *,
        because: str | None = None,
        conditions: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a statement. A resource with a wildcard needs the reason `because`."""
        statement = iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
        self._policy.add_statements(statement)
        acknowledge_wildcards(self._policy, resources, because=because)
