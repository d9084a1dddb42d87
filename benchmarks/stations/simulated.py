"""A simulated AWS account with the shipped line released in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from moto import mock_aws

from assembly_line.loader import load_line
from assembly_line.names import ControlKey
from assembly_line.release import Release
from assembly_line.scripts import files_digest
from assembly_line.storage import ControlTable, ObjectStore, ReleaseStore

LINES = Path(__file__).parents[2] / "lines"
LINE = "coupon_redemption"
REGION = "us-east-1"
BUCKETS = ("lake", "store", "ledger")
TABLE = "control"


class Context:
    """What Lambda hands to a function beside its event."""

    function_name = "function"
    memory_limit_in_mb = 3008
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


@dataclass(frozen=True)
class Account:
    """Its buckets, and the line's current release."""

    objects: dict[str, ObjectStore]
    release: Release


@contextmanager
def account(variables: dict[str, str]) -> Iterator[Account]:
    """The account while it lasts; `variables` become the process's own, as Lambda sets them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    credentials = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), "testing")
    quiet = {"POWERTOOLS_LOG_LEVEL": "CRITICAL"}
    os.environ.update(variables | credentials | quiet | {"AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION})
    with mock_aws():
        s3 = boto3.client("s3")
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": ControlKey.PARTITION, "KeyType": "HASH"},
                {"AttributeName": ControlKey.SORT, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in (ControlKey.PARTITION, ControlKey.SORT)
            ],
        )
        objects = {bucket: ObjectStore(s3, bucket) for bucket in BUCKETS}
        release = load_line(LINES, LINE)
        ControlTable(boto3.client("dynamodb"), TABLE).set_current_release(
            LINE, ReleaseStore(objects["store"]).publish(release), files=files_digest(LINES)
        )
        yield Account(objects, release)
