"""S3 objects as local files, for the jobs: what a container finds below /opt/ml, and what it leaves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from assembly_line.errors import JobFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# CDK's S3Location.from_bucket renders the first form; the second is S3's usual address.
PATH_STYLE = re.compile(r"s3[.-]?([a-z0-9-]+\.)?amazonaws\.com")
HOST_STYLE = re.compile(r"(?P<bucket>[a-z0-9.-]+?)\.s3[.-]([a-z0-9-]+\.)?amazonaws\.com")


@dataclass(frozen=True)
class S3Address:
    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> S3Address:
        """Read `s3://bucket/key` or one of S3's https addresses.

        Raises:
            JobFailed: the address is neither.
        """
        parts = urlsplit(uri, allow_fragments=False)
        path = parts.path.lstrip("/")
        if parts.scheme == "s3" and parts.netloc:
            return cls(parts.netloc, path)
        if parts.scheme == "https" and PATH_STYLE.fullmatch(parts.netloc) and path:
            bucket, _, key = path.partition("/")
            return cls(bucket, key)
        if parts.scheme == "https" and (match := HOST_STYLE.fullmatch(parts.netloc)):
            return cls(match["bucket"], path)
        raise JobFailed(f"ClientError: {uri!r} is no S3 address: expected s3://bucket/key")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True)
class S3Entry:
    """One object below a prefix, and its path relative to what the prefix names as a folder."""

    address: S3Address
    relative: str


class S3Files:
    """Every error that S3 answers becomes a JobFailed that names the address."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def entries(self, prefix: S3Address) -> Iterator[S3Entry]:
        """Objects below a prefix, by key; folder markers are left out."""
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
            for page in pages:
                for item in page.get("Contents", []):
                    if not item["Key"].endswith("/"):
                        yield S3Entry(S3Address(prefix.bucket, item["Key"]), _relative(item["Key"], prefix.key))
        except (ClientError, BotoCoreError) as error:
            raise JobFailed(f"ClientError: Data download failed: cannot list {prefix}: {error}") from error

    def pull(self, uri: str, folder: Path) -> int:
        """Fetch every object below a prefix into a folder, keeping sub-folders.

        Returns:
            How many objects were fetched, at least 1.

        Raises:
            JobFailed: nothing lies there, or a key would leave the folder.
        """
        prefix, count = S3Address.parse(uri), 0
        for entry in self.entries(prefix):
            target = folder / entry.relative
            if ".." in Path(entry.relative).parts or Path(entry.relative).is_absolute():
                raise JobFailed(f"ClientError: Data download failed: the key of {entry.address} leaves its folder")
            self.fetch(entry.address, target)
            count += 1
        if not count:
            raise JobFailed(
                f'ClientError: Data download failed:No S3 objects found under S3 URL "{uri}" given in input data '
                f'source. Please ensure that the bucket exists, and objects under that S3 prefix ("{prefix.key}")'
            )
        return count

    def fetch(self, address: S3Address, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._client.download_file(address.bucket, address.key, str(target))
        except (ClientError, BotoCoreError) as error:
            raise JobFailed(f"ClientError: Data download failed: cannot read {address}: {error}") from error

    def push(self, source: Path, address: S3Address) -> None:
        try:
            self._client.upload_file(str(source), address.bucket, address.key)
        except (Boto3Error, ClientError, BotoCoreError, OSError) as error:
            raise JobFailed(f"ClientError: Artifact upload failed: cannot write {address}: {error}") from error


def _relative(key: str, prefix: str) -> str:
    if prefix.endswith("/") or not prefix:
        return key[len(prefix) :]
    if key.startswith(prefix + "/"):
        return key[len(prefix) + 1 :]
    return key[prefix.rfind("/") + 1 :]
