"""SageMaker's serverless MLflow, whose files lie in the environment's store."""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from assembly_line.names import Folder, line_resource
from stacks.constructs.access.grants import arn_for
from stacks.constructs.access.permissions import Permission
from stacks.constructs.data.data_bucket import BY_PREFIX, DataBucket


class MlflowApp(Construct):
    """Exposes `arn`, and who may record runs."""

    def __init__(self, scope: Construct, id_: str, *, environment: str, store: DataBucket) -> None:
        super().__init__(scope, id_)
        self._store = store
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("sagemaker.amazonaws.com", conditions=account))
        store.grant_read(role, Folder.MLFLOW, list_everything=False)
        store.grant_write(role, Folder.MLFLOW)
        app = sagemaker.CfnMlflowApp(
            self,
            "App",
            name=line_resource(environment, "runs"),
            artifact_store_uri=f"s3://{store.name}/{Folder.MLFLOW.rstrip('/')}",
            role_arn=role.role_arn,
            # The line registers its models itself, after the review.
            model_registration_mode="AutoModelRegistrationDisabled",
        )
        app.node.add_dependency(role)
        self.arn = app.attr_arn

    def let_write(self, id_: str, role: iam.Role) -> Permission:
        """Write runs with their files, and read them."""
        permission = Permission(self, id_, role)
        permission.allow(("sagemaker:CallMlflowAppApi",), (self.arn,))
        files = f"{arn_for(self, self._store.bucket, self._store.bucket.bucket_arn)}/{Folder.MLFLOW}*"
        return permission.allow(("s3:GetObject", "s3:PutObject"), (files,), because=BY_PREFIX)

    def let_record(self, role: iam.Role) -> None:
        """The same for a person, who also opens the page and sees how long each job was paid for."""
        permission = self.let_write("Recorders", role)
        permission.allow(("sagemaker:CreatePresignedMlflowAppUrl", "sagemaker:DescribeMlflowApp"), (self.arn,))
        listing = ("sagemaker:ListTrainingJobs", "sagemaker:ListTransformJobs")
        permission.allow(listing, ("*",), because="SageMaker's listings know no resource")
        for action, kind in (("DescribeTrainingJob", "training-job"), ("DescribeTransformJob", "transform-job")):
            jobs = Stack.of(self).format_arn(service="sagemaker", resource=f"{kind}/*")
            permission.allow((f"sagemaker:{action}",), (jobs,), because="Jobs get their names when a run starts")
