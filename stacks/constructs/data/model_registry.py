"""The registry group of a line's models."""

from __future__ import annotations

from aws_cdk import CfnResource, RemovalPolicy
from constructs import Construct

from assembly_line.declarations.lines import Line


def model_package_group(scope: Construct, id_: str, *, name: str, line: Line) -> CfnResource:
    """Kept when the line goes: a group that holds versions cannot be deleted, and its history is worth keeping."""
    # By type name: importing CDK's module for SageMaker, for this one resource, would slow every synthesis.
    group = CfnResource(
        scope,
        id_,
        type="AWS::SageMaker::ModelPackageGroup",
        properties={"ModelPackageGroupName": name, "ModelPackageGroupDescription": line.title},
    )
    group.apply_removal_policy(RemovalPolicy.RETAIN)
    return group
