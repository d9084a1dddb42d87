"""What Spark's workers do with S3: picklable, so that each worker opens a client of its own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from assembly_line.errors import NotFound, SourceUnreadable
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.services.objects import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client


@dataclass(frozen=True)
class LakeFetch:
    """Copies objects of the lake, in the versions that a snapshot names."""

    bucket: str

    def __call__(self, key: str, version: str, path: Path) -> None:
        """Copy one object.

        Raises:
            SourceUnreadable: it is gone.
        """
        try:
            ObjectStore(_s3(), self.bucket).download(key, path, version=version)
        except NotFound as error:
            raise SourceUnreadable(f"{error}; run `line sources load`") from error


@dataclass(frozen=True)
class DatasetPut:
    """Stores the rows of an attempt of one dataset."""

    bucket: str
    line: str
    dataset_id: str

    def __call__(self, path: Path) -> str:
        return DatasetStore(ObjectStore(_s3(), self.bucket)).write_data(self.line, self.dataset_id, path)


@cache
def _s3() -> S3Client:
    return boto3.client("s3")
