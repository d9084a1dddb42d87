"""A bucket for data: versioned, under a customer key, TLS only, its accesses logged; and grants by prefix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.constructs.access.grants import allow, arn_for, use_key

# As long as somebody may notice that a table was hidden by mistake.
HIDDEN_DAYS = 7
PASSING_DAYS = 30
BY_PREFIX = "The objects under this prefix are made at run time; their names cannot be known here"


class DataBucket(Construct):
    """Exposes `name`, and who may read or write which prefixes.

    Args:
        remade: prefixes whose content can be made again; a version that is hidden there is gone after a week.
        passing: prefixes of what is read soon after it was written, or never; it is gone after a month.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        key: kms.IKey,
        access_logs: s3.IBucket,
        removal_policy: RemovalPolicy,
        remade: Sequence[str] = (),
        passing: Sequence[str] = (),
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
            # No rule elsewhere for versions that were replaced: a dataset's manifest may name them, which S3 cannot
            # know. `line dataset retain` deletes those that nothing names.
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=Duration.days(7)),
                *_expiring(remade, passing),
            ],
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

    def grant_read_files(self, role: iam.Role, prefix: str, name: str) -> None:
        """Read the files of this name below the prefix, and list nothing."""
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        allow(role, ("s3:GetObject",), [f"{arn}/{prefix}*/{name}"], because=BY_PREFIX)
        allow(role, ("kms:Decrypt",), (self._key.key_arn,))

    def grant_write(self, role: iam.Role, *prefixes: str) -> None:
        """Put objects under the prefixes. Nobody may delete."""
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        objects = [f"{arn}/{prefix}*" for prefix in prefixes]
        allow(role, ("s3:AbortMultipartUpload", "s3:PutObject"), objects, because=BY_PREFIX)
        use_key(role, self._key)

    def grant_expire(self, role: iam.Role, *prefixes: str) -> None:
        """See all versions under the prefixes, hide objects there, and delete versions for good."""
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        below = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}}
        allow(role, ("s3:ListBucketVersions",), (arn,), conditions=below)
        objects = [f"{arn}/{prefix}*" for prefix in prefixes]
        allow(role, ("s3:DeleteObject", "s3:DeleteObjectVersion"), objects, because=BY_PREFIX)

    def grant_delete(self, role: iam.Role, *prefixes: str) -> None:
        """Hide objects under prefixes whose content can be made again; the bucket's rules end their versions."""
        arn = arn_for(role, self.bucket, self.bucket.bucket_arn)
        allow(role, ("s3:DeleteObject",), [f"{arn}/{prefix}*" for prefix in prefixes], because=BY_PREFIX)


def _expiring(remade: Sequence[str], passing: Sequence[str]) -> Iterator[s3.LifecycleRule]:
    hidden = Duration.days(HIDDEN_DAYS)
    for prefix in remade:
        # The second removes the marker that hid an object, once none of its versions is left.
        yield s3.LifecycleRule(prefix=prefix, noncurrent_version_expiration=hidden, expired_object_delete_marker=True)
    for prefix in passing:
        yield s3.LifecycleRule(
            prefix=prefix, expiration=Duration.days(PASSING_DAYS), noncurrent_version_expiration=hidden
        )
