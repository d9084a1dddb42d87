"""Clients of the emulator, for what runs jobs. The emulator takes any key pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from assembly_line.embedded.runtime import SECRET_KEY, SERVICE_KEY

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

CONFIG = Config(
    connect_timeout=5,
    read_timeout=60,
    retries={"max_attempts": 2, "mode": "standard"},
    s3={"addressing_style": "path"},
)


def s3_client(endpoint_url: str, region: str) -> S3Client:
    return _session(region).client("s3", endpoint_url=endpoint_url, config=CONFIG)


def logs_client(endpoint_url: str, region: str) -> CloudWatchLogsClient:
    return _session(region).client("logs", endpoint_url=endpoint_url, config=CONFIG)


def _session(region: str) -> boto3.session.Session:
    return boto3.session.Session(aws_access_key_id=SERVICE_KEY, aws_secret_access_key=SECRET_KEY, region_name=region)
