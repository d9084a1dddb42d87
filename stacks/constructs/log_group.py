"""A log group with an end: under the environment's key, kept as long as the settings say."""

from __future__ import annotations

from aws_cdk import Fn, RemovalPolicy, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.settings import RETENTIONS, Settings


def log_group(
    scope: Construct, id_: str, *, settings: Settings, key: kms.IKey, vended: str | None = None
) -> logs.LogGroup:
    """One whose name is used once, so that a failed deployment leaves nothing in the way of the next.

    Args:
        vended: the service that delivers logs itself. Its permission is a policy of the account that holds every group
            one by one and is full after some environments, but for groups under this prefix:
            https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
    """
    return logs.LogGroup(
        scope,
        id_,
        log_group_name=_used_once(scope, vended) if vended else None,
        encryption_key=key,
        retention=logs.RetentionDays[RETENTIONS[settings.log_retention_days]],
        removal_policy=RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY,
    )


def _used_once(scope: Construct, service: str) -> str:
    """The last part of a stack's id is unlike that of any stack before it."""
    stack = Stack.of(scope)
    return f"/aws/vendedlogs/{service}/{stack.stack_name}-{scope.node.id}-{Fn.select(2, Fn.split('/', stack.stack_id))}"
