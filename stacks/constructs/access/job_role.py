"""The role that one line's training and transform jobs run under: its own data, its logs, prebuilt images."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.names import job_role
from stacks.constructs.access.grants import allow
from stacks.foundation import FoundationStack

# The line that a job works for is in every prefix it may touch.
_NAMESPACES = ["/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs"]


class JobRole(Construct):
    """Exposes `role`."""

    def __init__(self, scope: Construct, id_: str, *, line: str, foundation: FoundationStack) -> None:
        super().__init__(scope, id_)
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.role = iam.Role(
            self,
            "Role",
            role_name=job_role(foundation.deployment.environment, line),
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com", conditions=account),
            description=f"Training and transform jobs of the line {line}",
        )
        read = (f"runs/{line}/", "releases/", f"scoring/{line}/")
        foundation.store.grant_read(self.role, *read, list_everything=False)
        foundation.store.grant_write(self.role, f"runs/{line}/", f"scoring/{line}/")
        key = foundation.key.key_arn
        allow(self.role, ("kms:CreateGrant",), (key,), conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}})
        self._report()
        self._pull_images()

    def _report(self) -> None:
        groups = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name="/aws/sagemaker/*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        actions = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        allow(self.role, actions, (groups,), because="SageMaker names the log groups of jobs itself, under this prefix")
        allow(
            self.role,
            ("cloudwatch:PutMetricData",),
            ("*",),
            because="Metrics have no ARN; the condition holds them to the namespaces of jobs",
            conditions={"StringEquals": {"cloudwatch:namespace": _NAMESPACES}},
        )

    def _pull_images(self) -> None:
        images = Stack.of(self).format_arn(service="ecr", account="*", resource="repository/sagemaker-*")
        allow(
            self.role,
            ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            (images,),
            because="SageMaker's prebuilt images lie in an account of AWS that differs by region and framework",
        )
        allow(
            self.role,
            ("ecr:GetAuthorizationToken",),
            ("*",),
            because="A registry token belongs to no resource",
        )
