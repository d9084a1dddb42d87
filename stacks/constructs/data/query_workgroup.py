"""An Athena workgroup for exploring: results under the line's key, and a bound on what one query reads."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from constructs import Construct

from assembly_line.names import Folder, query_workgroup
from stacks.constructs.access.grants import arn_for
from stacks.constructs.access.permissions import Permission
from stacks.foundation import FoundationStack

GIB = 1 << 30
_RUNS = (
    "athena:BatchGetQueryExecution",
    "athena:GetQueryExecution",
    "athena:GetQueryResults",
    "athena:GetWorkGroup",
    "athena:ListQueryExecutions",
    "athena:StartQueryExecution",
    "athena:StopQueryExecution",
)


class QueryWorkgroup(Construct):
    """Exposes `name`, and who may query."""

    def __init__(self, scope: Construct, id_: str, *, foundation: FoundationStack) -> None:
        super().__init__(scope, id_)
        self._foundation = foundation
        settings = foundation.deployment.settings
        self.name = query_workgroup(foundation.deployment.environment)
        athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=self.name,
            description="Exploring the tables of the assembly line",
            # Athena deletes no workgroup with a history, and the next deployment needs the name. Results stay in S3.
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                bytes_scanned_cutoff_per_query=settings.query_gib * GIB,
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=f"s3://{foundation.store.name}/{Folder.QUERIES}",
                    encryption_configuration=athena.CfnWorkGroup.EncryptionConfigurationProperty(
                        encryption_option="SSE_KMS", kms_key=foundation.key.key_arn
                    ),
                ),
            ),
        )

    def let_query(self, role: iam.Role, database: glue.Database) -> None:
        """Query the catalog's tables; reading the data is granted where the data is."""
        stack, store = Stack.of(self), self._foundation.store
        workgroup = stack.format_arn(service="athena", resource="workgroup", resource_name=self.name)
        permission = Permission(self, "Askers", role)
        permission.allow(_RUNS, (workgroup,))
        bucket = arn_for(self, store.bucket, store.bucket.bucket_arn)
        permission.allow(("s3:GetBucketLocation",), (bucket,))
        permission.allow(
            ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
            (f"{bucket}/{Folder.QUERIES}*",),
            because="Athena names the results of queries itself, under this prefix",
        )
        permission.allow(("kms:Decrypt", "kms:GenerateDataKey"), (self._foundation.key.key_arn,))
        catalog = stack.format_arn(service="glue", resource="catalog", arn_format=ArnFormat.NO_RESOURCE_NAME)
        permission.allow(("glue:GetDatabases",), (catalog, database.database_arn))
