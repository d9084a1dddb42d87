"""The role that one line's training and transform jobs run under: its own data, its logs, its images."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.declarations.lines import Line
from assembly_line.declarations.sagemaker.images import OWN_URI, repositories
from assembly_line.names import Folder, job_role
from stacks.constructs.access.grants import allow
from stacks.foundation import FoundationStack

# The line that a job works for is in every prefix it may touch.
_NAMESPACES = ["/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs"]


class JobRole(Construct):
    """Exposes `role`."""

    def __init__(self, scope: Construct, id_: str, *, line: Line, foundation: FoundationStack) -> None:
        super().__init__(scope, id_)
        name = line.name
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        self.role = iam.Role(
            self,
            "Role",
            role_name=job_role(foundation.deployment.environment, name),
            assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com", conditions=account),
            description=f"Training and transform jobs of the line {name}",
        )
        read = (f"{Folder.RUNS}{name}/", Folder.RELEASES, f"{Folder.SCORING}{name}/")
        foundation.store.grant_read(self.role, *read, list_everything=False)
        foundation.store.grant_write(self.role, f"{Folder.RUNS}{name}/", f"{Folder.SCORING}{name}/")
        key = foundation.key.key_arn
        allow(self.role, ("kms:CreateGrant",), (key,), conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}})
        self._report()
        self._pull_images(line.training.image)

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

    def _pull_images(self, own: str | None) -> None:
        pull = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
        # A champion of an earlier release may be of a prebuilt image, whatever the line declares now.
        images = [self._repository(name, account="*") for name in repositories()]
        because = "SageMaker's prebuilt images lie in an account of AWS that differs by region and framework"
        allow(self.role, pull, images, because=because)
        if own is not None and (found := OWN_URI.fullmatch(own)):
            images = [self._repository(found["repository"], account=found["account"], region=found["region"])]
            allow(self.role, pull, images)
        allow(
            self.role,
            ("ecr:GetAuthorizationToken",),
            ("*",),
            because="A registry token belongs to no resource",
        )

    def _repository(self, name: str, *, account: str, region: str | None = None) -> str:
        resource = f"repository/{name}"
        return Stack.of(self).format_arn(service="ecr", account=account, region=region, resource=resource)
