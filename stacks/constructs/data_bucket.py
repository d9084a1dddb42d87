"""A bucket for data: versioned, under a customer key, TLS only, its accesses logged; and grants by prefix."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.grants import allow, arn_for, use_key

BY_PREFIX = "The objects under this prefix are made at run time; their names cannot be known here"


class DataBucket(Construct):
    """Exposes `name`, and who may read or write which prefixes."""

    def __init__(
        self, scope: Construct, id_: str, *, key: kms.IKey, access_logs: s3.IBucket, removal_policy: RemovalPolicy
    ) -> None:
        super().__init__(scope, id_)
        self._key = key
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            versioned=True,
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{id_.lower()}/",
            # No rule for versions that were replaced: a dataset's manifest may name them, which S3 cannot know.
            # `line dataset retain` deletes those that nothing names.
            lifecycle_rules=[s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7))],
            removal_policy=removal_policy,
        )
        self.name = self.bucket.bucket_name

    def grant_read(self, role: iam.Role, *prefixes: str, list_everything: bool = True) -> None:
        """Read objects under the prefixes, with their versions.

        Args:
            list_everything: only so does S3 answer "not found" instead of "forbidden" for a missing object, which the
                functions rely on. Without it, only what lies under the prefixes is listed.
        """
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        below = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
        allow(role, ("s3:ListBucket",), (arn,), conditions=None if list_everything else below)
        objects = [f"{arn}/{prefix}*" for prefix in prefixes]
        allow(role, ("s3:GetObject", "s3:GetObjectVersion"), objects, because=BY_PREFIX)
        use_key(role, self._key)

    def grant_write(self, role: iam.Role, *prefixes: str) -> None:
        """Put objects under the prefixes. Nobody may delete."""
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        objects = [f"{arn}/{prefix}*" for prefix in prefixes]
        allow(role, ("s3:AbortMultipartUpload", "s3:PutObject"), objects, because=BY_PREFIX)
        use_key(role, self._key)

    def grant_delete(self, role: iam.Role, *prefixes: str) -> None:
        """Hide objects under prefixes whose content can be made again; their versions stay."""
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        allow(role, ("s3:DeleteObject",), [f"{arn}/{prefix}*" for prefix in prefixes], because=BY_PREFIX)
