"""A simulated AWS account for each test: dummy credentials, no network, the tables and buckets of the line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from moto.s3 import urls
from moto.s3.models import S3Backend

from assembly_line.loader import load_line
from assembly_line.names import ControlKey
from assembly_line.release import Release
from assembly_line.storage.models.control_table import ControlTable
from assembly_line.storage.services.objects import ObjectStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table
    from mypy_boto3_s3.client import S3Client

REGION = "us-east-1"
# To a client all accounts are the same one: building it takes longer than most tests.
CLIENT, RESOURCE = cache(boto3.client), cache(boto3.resource)


@contextmanager
def empty_account() -> Iterator[None]:
    """Moto in place of AWS, whatever the machine's own variables say. One at a time: they would be the same one."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ENDPOINT_URL_SAGEMAKER"):
            patch.delenv(variable, raising=False)
        for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
            patch.setenv(variable, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_REGION", REGION)
        patch.setattr(boto3, "client", CLIENT)
        patch.setattr(boto3, "resource", RESOURCE)
        # Moto would load this module again for every call of S3, in case that variables changed.
        patch.setattr(S3Backend, "_url_module", urls)
        with mock_aws():
            yield


@pytest.fixture
def aws() -> Iterator[None]:
    """An account of the test's own."""
    with empty_account():
        yield


@pytest.fixture(scope="session")
def shipped() -> Release:
    """The line that is shipped, as it would be released."""
    return load_line(Path(__file__).parents[2] / "lines", "coupon_redemption")


@pytest.fixture
def s3(aws: None) -> S3Client:
    return boto3.client("s3", region_name=REGION)


def new_bucket(s3: S3Client, name: str) -> ObjectStore:
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return ObjectStore(s3, name)


@pytest.fixture
def store(s3: S3Client) -> ObjectStore:
    return new_bucket(s3, "store")


@pytest.fixture
def lake_objects(s3: S3Client) -> ObjectStore:
    return new_bucket(s3, "lake")


@pytest.fixture
def ledger_objects(s3: S3Client) -> ObjectStore:
    return new_bucket(s3, "ledger")


def new_control_table(name: str = "control") -> Table:
    return boto3.resource("dynamodb", region_name=REGION).create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": ControlKey.PARTITION, "KeyType": "HASH"},
            {"AttributeName": ControlKey.SORT, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": ControlKey.PARTITION, "AttributeType": "S"},
            {"AttributeName": ControlKey.SORT, "AttributeType": "S"},
        ],
    )


@pytest.fixture
def control_table(aws: None) -> Table:
    return new_control_table()


@pytest.fixture
def champion_table(aws: None) -> Table:
    return new_control_table("champions")


@pytest.fixture
def control(control_table: Table, champion_table: Table) -> ControlTable:
    names = (control_table.name, champion_table.name)
    return ControlTable(boto3.client("dynamodb", region_name=REGION), *names)
