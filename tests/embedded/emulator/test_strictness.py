"""Where the stock emulator is kinder than AWS: a script that works here would fail there."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.embedded.embedded_account import EmbeddedAccount, unique


def test_a_trigger_of_a_job_that_is_not_there_is_refused(cloud: EmbeddedAccount) -> None:
    actions, name = [{"JobName": unique()}], unique()
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        cloud.client("glue").create_trigger(Name=name, Type="ON_DEMAND", Actions=actions)
    trigger = {"Type": "AWS::Glue::Trigger", "Properties": {"Name": name, "Type": "ON_DEMAND", "Actions": actions}}
    with pytest.raises(AssertionError):
        cloud.stack({"Trigger": trigger})


def test_a_range_of_a_version_is_that_range(cloud: EmbeddedAccount) -> None:
    s3, bucket = cloud.client("s3"), unique()
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"later")

    def read(wanted: str) -> bytes:
        return bytes(s3.get_object(Bucket=bucket, Key="k", VersionId=version, Range=wanted)["Body"].read())

    assert [read(each) for each in ("bytes=2-4", "bytes=-3", "bytes=8-")] == [b"234", b"789", b"89"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"0123456789"
    with pytest.raises(ClientError, match="InvalidRange"):
        read("bytes=20-30")
