"""One S3 bucket: bytes and JSON in and out, conditional writes, listings, bounded downloads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.canonical import canonical_json
from assembly_line.documents import parse_document
from assembly_line.errors import Conflict, NotFound
from assembly_line.names import s3_uri

if TYPE_CHECKING:
    from boto3.s3.transfer import S3Transfer
    from mypy_boto3_s3.client import S3Client

# What one call may delete.
DELETED_AT_ONCE = 1000
ABSENT = ("NoSuchKey", "NoSuchVersion", "404", "NotFound")
ALREADY_THERE = ("PreconditionFailed", "412")
# Another write of the same object is under way: it may fail, so this says neither yes nor no.
AT_THE_SAME_TIME = "ConditionalRequestConflict"
TRIES = 5


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object as a listing shows it; `size` in bytes."""

    key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of one object.

    Args:
        size: in bytes; 0 for a marker.
        latest: it is what a reader of the key gets, or, as a marker, why a reader gets nothing.
        marker: it hides the versions before it and has no content.
        replaced: when the next version or marker came; None for the latest.
    """

    key: str
    version: str
    size: int
    modified: datetime
    latest: bool
    marker: bool
    replaced: datetime | None

    @property
    def visible(self) -> bool:
        return self.latest and not self.marker


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

    def read_range(self, key: str, first: int, end: int, *, version: str | None = None) -> tuple[bytes, int]:
        """The object's bytes from the first up to the end, as far as it has them, and how many it has altogether.

        No bytes from a store that gives objects only whole.

        Raises:
            NotFound: there is no such object (or version).
        """
        which: dict[str, Any] = {"VersionId": version} if version else {}
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=key, Range=f"bytes={first}-{end - 1}", **which)
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidRange":
                return b"", int(str(error.response["Error"].get("ActualObjectSize", 0)))
            raise self._absent_or(error, key) from error
        if "ContentRange" not in answer:
            answer["Body"].close()
            return b"", answer["ContentLength"]
        return answer["Body"].read(), int(answer["ContentRange"].rpartition("/")[2])

    def read_json(self, key: str) -> Any:
        """The object's JSON values.

        Raises:
            NotFound: there is no such object.
            DocumentUnreadable: it holds something else.
        """
        return parse_document(self.read(key), of=self.uri(key))

    def write(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> str:
        """Store the object and return its version id (`null` in a bucket without versions)."""
        answer = self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)
        return answer.get("VersionId", "null")

    def write_json(self, key: str, value: Any) -> str:
        return self.write(key, canonical_json(value), content_type="application/json")

    def add(self, key: str, content: bytes, *, content_type: str = "application/octet-stream") -> bool:
        """Store the object unless one is there. False if there was one: the first is kept."""
        return self._add(key, content, content_type, tries=TRIES)

    def _add(self, key: str, content: bytes, content_type: str, *, tries: int) -> bool:
        try:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type, IfNoneMatch="*")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in ALREADY_THERE:
                return False
            if code == AT_THE_SAME_TIME and tries > 1:
                return self._add(key, content, content_type, tries=tries - 1)
            raise
        return True

    def read_tagged(self, key: str) -> tuple[bytes, str]:
        """The object's content, and the tag that `replace` wants to see again.

        Raises:
            NotFound: there is no such object.
        """
        try:
            answer = self._s3.get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            raise self._absent_or(error, key) from error
        return answer["Body"].read(), answer["ETag"]

    def replace(self, key: str, content: bytes, *, tag: str | None, content_type: str) -> bool:
        """Store the object in the place of the one with this tag, or where there is none. False if another is there."""
        condition: Any = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type, **condition)
        except ClientError as error:
            # Another write that is under way may win: who tries again looks first what is there.
            if error.response["Error"]["Code"] in (*ALREADY_THERE, AT_THE_SAME_TIME):
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

    def any(self, prefix: str) -> bool:
        """Whether there is an object under the prefix."""
        return bool(self._s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=1).get("KeyCount"))

    def list(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Every object under the prefix, in order of key; only those behind the key `after`."""
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix, StartAfter=after):
            for item in page.get("Contents", []):
                yield StoredObject(item["Key"], item["Size"])

    def download(self, key: str, path: Path, *, version: str | None = None) -> None:
        """Copy the object into a file without holding it in memory.

        Raises:
            NotFound: there is no such object (or version).
        """
        extra: dict[str, Any] = {"VersionId": version} if version else {}
        try:
            with self._transfer() as transfer:
                transfer.download_file(self.bucket, key, str(path), extra_args=extra)
        except ClientError as error:
            raise self._absent_or(error, key) from error

    def upload(self, path: Path, key: str) -> None:
        with self._transfer() as transfer:
            transfer.upload_file(str(path), self.bucket, key)

    def _transfer(self) -> S3Transfer:
        # Not the client's own methods: a command's client comes from botocore, which starts faster and has none.
        from boto3.s3.transfer import S3Transfer

        return S3Transfer(self._s3)

    def delete(self, key: str) -> None:
        """Hide the object; in a bucket with versions they stay readable by their ids."""
        self._s3.delete_object(Bucket=self.bucket, Key=key)

    def hide(self, key: str) -> StoredVersion:
        """Hide the object, and return the marker that hides it: deleting that one brings the object back."""
        answer = self._s3.delete_object(Bucket=self.bucket, Key=key)
        version = answer.get("VersionId", "null")
        now = datetime.now(UTC)
        return StoredVersion(key=key, version=version, size=0, modified=now, latest=True, marker=True, replaced=None)

    def versions(self, prefix: str) -> Iterator[StoredVersion]:
        """Every version under the prefix, markers too: by key, the newest first."""
        found: list[StoredVersion] = []
        for page in self._s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            found += [_version(item, marker=False) for item in page.get("Versions", [])]
            found += [_version(item, marker=True) for item in page.get("DeleteMarkers", [])]
        found.sort(key=lambda one: (one.key, not one.latest, -one.modified.timestamp()))
        newer: StoredVersion | None = None
        for one in found:
            same = newer is not None and newer.key == one.key
            yield replace(one, replaced=newer.modified if newer is not None and same else None)
            newer = one

    def delete_versions(self, versions: Iterable[StoredVersion]) -> None:
        """Delete these versions for good; others of the same keys stay."""
        for some in _batches(versions):
            names: Any = [{"Key": one.key, "VersionId": one.version} for one in some]
            answer = self._s3.delete_objects(Bucket=self.bucket, Delete={"Objects": names, "Quiet": True})
            for failed in answer.get("Errors", []):
                raise Conflict(
                    f"{self.uri(str(failed.get('Key')))}: could not be deleted: {failed.get('Message')}; "
                    "what was deleted before stays deleted: run the command again"
                )

    def version_of(self, key: str) -> str:
        """The id of the object's current version (`null` in a bucket without versions)."""
        try:
            return self._s3.head_object(Bucket=self.bucket, Key=key).get("VersionId", "null")
        except ClientError as error:
            raise self._absent_or(error, key) from error

    def written(self, key: str) -> tuple[str, datetime] | None:
        """The id of the object's current version, and when that was written; None if there is no such object."""
        try:
            found = self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return None
            raise
        return found.get("VersionId", "null"), found["LastModified"]

    def _absent_or(self, error: ClientError, key: str) -> Exception:
        if error.response["Error"]["Code"] in ABSENT:
            return NotFound(f"{self.uri(key)}: there is no such object")
        return error


def _version(item: Mapping[str, Any], *, marker: bool) -> StoredVersion:
    return StoredVersion(
        key=item["Key"],
        version=item["VersionId"],
        size=0 if marker else int(item["Size"]),
        modified=item["LastModified"],
        latest=bool(item["IsLatest"]),
        marker=marker,
        replaced=None,
    )


def _batches(versions: Iterable[StoredVersion]) -> Iterator[list[StoredVersion]]:
    remaining = iter(versions)
    while some := list(islice(remaining, DELETED_AT_ONCE)):
        yield some
