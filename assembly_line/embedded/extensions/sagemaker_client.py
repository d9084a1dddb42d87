"""The emulator's way to the SageMaker process."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from assembly_line.embedded.runtime import REGION, SECRET_KEY, SERVICE_KEY

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


@cache
def sagemaker() -> SageMakerClient:
    """No retries: the process answers an unknown request with status 500, and asking again would only take time."""
    return boto3.client(
        "sagemaker",
        endpoint_url=os.environ["AWS_ENDPOINT_URL_SAGEMAKER"],
        region_name=REGION,
        aws_access_key_id=SERVICE_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, connect_timeout=5, max_pool_connections=30),
    )
