"""Buckets as a whole: how much they hold, every version counted, and emptying them for good."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.errors import Conflict
from assembly_line.names import s3_uri
from assembly_line.storage.services.objects import ABSENT

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Versions of objects, and their bytes together."""

    objects: int
    size: int


class WholeBuckets:
    """Any bucket of the account, by its name. One that is gone holds nothing."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def held(self, bucket: str, prefix: str = "") -> Held:
        """What lies under the prefix. Reads its listing, a thousand versions a call."""
        objects = size = 0
        for page in self._pages(bucket, prefix):
            versions = page.get("Versions", [])
            objects += len(versions)
            size += sum(version["Size"] for version in versions)
        return Held(objects=objects, size=size)

    def empty(self, bucket: str) -> int:
        """Delete every version, every marker that hides one, and unfinished uploads; how many versions and markers.

        Nothing is remembered: repeated after an interruption, it goes on with what is left.

        Raises:
            Conflict: S3 refuses to delete one.
        """
        deleted = 0
        for page in self._pages(bucket):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            self._delete(bucket, found)
            deleted += len(found)
        self._abort_uploads(bucket)
        return deleted

    def _delete(self, bucket: str, found: list[Any]) -> None:
        if not found:
            return
        names: Any = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": names, "Quiet": True})
        for failed in answer.get("Errors", []):
            raise Conflict(
                f"{s3_uri(bucket, str(failed.get('Key')))}: could not be deleted: {failed.get('Message')}; "
                "what was deleted before stays deleted: run the command again"
            )

    def _abort_uploads(self, bucket: str) -> None:
        if not self._is_there(bucket):
            return
        for page in self._s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                self._s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def _pages(self, bucket: str, prefix: str = "") -> Iterator[Any]:
        if self._is_there(bucket):
            yield from self._s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)

    def _is_there(self, bucket: str) -> bool:
        try:
            self._s3.head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] in (*ABSENT, "NoSuchBucket"):
                return False
            raise
        return True
