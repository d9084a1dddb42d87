"""A log group with an end: under the environment's key, kept as long as the settings say."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.settings import RETENTIONS, Settings


def log_group(scope: Construct, id_: str, *, settings: Settings, key: kms.IKey) -> logs.LogGroup:
    """One without a name of its own, so that a failed deployment leaves nothing in the way of the next."""
    return logs.LogGroup(
        scope,
        id_,
        encryption_key=key,
        retention=logs.RetentionDays[RETENTIONS[settings.log_retention_days]],
        removal_policy=RemovalPolicy.RETAIN if settings.keep_data else RemovalPolicy.DESTROY,
    )
