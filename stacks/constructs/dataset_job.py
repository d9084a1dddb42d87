"""The Glue jobs on Spark: large datasets, and tables to explore."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import ArnFormat, Duration, RemovalPolicy, Stack
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as assets
from constructs import Construct

from stacks.constructs.access.grants import allow, use_key
from stacks.constructs.runtime_code import REPOSITORY, library_archive
from stacks.settings import Settings


class DatasetJob(Construct):
    """Exposes `name` and `role`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        settings: Settings,
        key: kms.IKey,
        script: str = "build_dataset.py",
        arguments: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id_)
        self.role = self._role(key)
        library = library_archive(self, "Library")
        code = assets.Asset(self, "Script", path=str(REPOSITORY / "glue_jobs" / script))
        self._let_read(library, code)
        self._job = glue.PySparkEtlJob(
            self,
            "Job",
            # What CDK would add to the role covers the whole bucket of assets; exact grants stand above.
            role=self.role.without_policy_updates(),
            script=glue.Code.from_bucket(code.bucket, code.s3_object_key),
            default_arguments={f"--{name}": value for name, value in (arguments or {}).items()},
            glue_version=glue.GlueVersion.V6_0,
            worker_configuration=glue.WorkerConfiguration(
                worker_type=glue.WorkerType[settings.spark_worker_type], number_of_workers=settings.spark_workers
            ),
            max_retries=0,
            max_concurrent_runs=10,
            timeout=Duration.minutes(settings.spark_timeout_minutes),
            security_configuration=self._security(key),
            extra_python_files=[glue.Code.from_bucket(library.bucket, library.s3_object_key)],
        )
        self.name = self._job.job_name
        self.arn = self._job.job_arn

    def _role(self, key: kms.IKey) -> iam.Role:
        stack = Stack.of(self)
        principal = iam.ServicePrincipal(
            "glue.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": stack.account}}
        )
        role = iam.Role(self, "Role", assumed_by=principal)
        groups = stack.format_arn(
            service="logs", resource="log-group", resource_name="/aws-glue/*", arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        allow(
            role,
            ("logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            (groups,),
            because="Glue names the log groups of its jobs itself, under this prefix",
        )
        allow(
            role,
            ("cloudwatch:PutMetricData",),
            ("*",),
            because="Metrics have no ARN; the condition holds them to Glue's namespace",
            conditions={"StringEquals": {"cloudwatch:namespace": "Glue"}},
        )
        use_key(role, key)
        return role

    def _let_read(self, *files: assets.Asset) -> None:
        objects = [file.bucket.arn_for_objects(file.s3_object_key) for file in files]
        allow(self.role, ("s3:GetObject",), objects)

    def _security(self, key: kms.IKey) -> glue.SecurityConfiguration:
        security = glue.SecurityConfiguration(
            self,
            "Security",
            cloud_watch_encryption=glue.CloudWatchEncryption.kms(key),
            job_bookmarks_encryption=glue.JobBookmarksEncryption.client_side_kms(key),
            s3_encryption=glue.S3Encryption.kms(key),
        )
        # It holds nothing. CDK keeps it by default, and under its fixed name it would stop the next deployment.
        security.apply_removal_policy(RemovalPolicy.DESTROY)
        return security
