"""Managed policies for consuming applications, whose roles are their own: attach them, and nothing else is needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.access.reasons import acknowledge_wildcards
from stacks.constructs.data.data_bucket import BY_PREFIX
from stacks.constructs.messaging.subscriber import Subscriber

RECEIVE = ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")


class ConsumerAccess(Construct):
    """One managed `policy`; the stack's outputs name it."""

    def __init__(self, scope: Construct, id_: str, *, description: str) -> None:
        super().__init__(scope, id_)
        self.policy = iam.ManagedPolicy(self, "Policy", description=description)
        CfnOutput(self, "Arn", value=self.policy.managed_policy_arn, description=description)

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
        self.policy.add_statements(statement)
        acknowledge_wildcards(self.policy, resources, because=because)


def let_consume(
    subscriber: Subscriber, *, key: kms.IKey, of: str, data_key: str | None = None, large: str | None = None
) -> iam.ManagedPolicy:
    """Make the policy that the consuming application attaches to its own role.

    Args:
        key: of its queue.
        of: what it may do, in words.
        data_key: ARN of the key of the store bucket; None where another account reads by a role of the line's.
        large: ARN pattern of the objects that messages point to, as a prediction may be too large for a message.
    """
    access = ConsumerAccess(subscriber, "Consumer", description=of)
    access.allow(RECEIVE, (subscriber.queue.queue_arn,))
    access.allow(("kms:Decrypt",), tuple(filter(None, (key.key_arn, data_key))))
    if large is not None:
        access.allow(("s3:GetObject",), (large,), because=BY_PREFIX)
    return access.policy
