"""One S3 bucket: bytes and JSON in and out, conditional writes, listings, bounded downloads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.canonical import canonical_json
from assembly_line.errors import NotFound
from assembly_line.names import s3_uri

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

ABSENT = ("NoSuchKey", "NoSuchVersion", "404", "NotFound")
ALREADY_THERE = ("PreconditionFailed", "412")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as a listing shows it; `size` in bytes."""

    key: str
    size: int


class ObjectStore:
    """One bucket, through one client."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def uri(self, key: str) -> str:
        return s3_uri(self.bucket, key)

    def key_of(self, uri: str) -> str:
        """The key of an `s3://` URI of this bucket.

        Raises:
            NotFound: the URI lies elsewhere.
        """
        prefix = s3_uri(self.bucket, "")
        if not uri.startswith(prefix):
            raise NotFound(f"{uri}: is not in {prefix}")
        return uri.removeprefix(prefix)

    def read(self, key: str, *, version: str | None = None) -> bytes:
        """The object's content.

        Raises:
            NotFound: there is no such object (or version).
        """
        which: dict[str, Any] = {"VersionId": version} if version else {}
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=key, **which)["Body"].read()
        except ClientError as error:
            raise self._absent_or(error, key) from error

    def read_json(self, key: str) -> Any:
        return json.loads(self.read(key))

    def write(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> str:
        """Store the object and return its version id (`null` in a bucket without versions)."""
        answer = self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)
        return answer.get("VersionId", "null")

    def write_json(self, key: str, value: Any) -> str:
        return self.write(key, canonical_json(value), content_type="application/json")

    def add(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> bool:
        """Store the object unless one is there. False if there was one: the first is kept."""
        try:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] in ALREADY_THERE:
                return False
            raise
        return True

    def add_json(self, key: str, value: Any) -> bool:
        return self.add(key, canonical_json(value), content_type="application/json")

    def exists(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return False
            raise
        return True

    def list(self, prefix: str) -> Iterator[StoredObject]:
        """Every object under the prefix, in order of key."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                yield StoredObject(item["Key"], item["Size"])

    def download(self, key: str, path: Path, *, version: str | None = None) -> None:
        """Copy the object into a file without holding it in memory.

        Raises:
            NotFound: there is no such object (or version).
        """
        extra: dict[str, Any] = {"VersionId": version} if version else {}
        try:
            self._s3.download_file(self.bucket, key, str(path), ExtraArgs=extra)
        except ClientError as error:
            raise self._absent_or(error, key) from error

    def upload(self, path: Path, key: str) -> None:
        self._s3.upload_file(str(path), self.bucket, key)

    def delete(self, key: str) -> None:
        """Hide the object; in a bucket with versions they stay readable by their ids."""
        self._s3.delete_object(Bucket=self.bucket, Key=key)

    def version_of(self, key: str) -> str:
        """The id of the object's current version (`null` in a bucket without versions)."""
        try:
            return self._s3.head_object(Bucket=self.bucket, Key=key).get("VersionId", "null")
        except ClientError as error:
            raise self._absent_or(error, key) from error

    def _absent_or(self, error: ClientError, key: str) -> Exception:
        if error.response["Error"]["Code"] in ABSENT:
            return NotFound(f"{self.uri(key)}: there is no such object")
        return error
