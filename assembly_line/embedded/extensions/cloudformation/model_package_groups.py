"""AWS::SageMaker::ModelPackageGroup, created in the SageMaker process."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from assembly_line.embedded.extensions.sagemaker_client import sagemaker
from assembly_line.embedded.runtime import ACCOUNT, REGION

logger = logging.getLogger("assembly_line.cloudformation")


def create(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Create it, or adopt the one that a deleted stack left behind because it holds versions."""
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{name}"
    if exists(name):
        logger.warning("model package group %s exists: adopted with its versions", name)
    else:
        description = {key: properties[key] for key in ("ModelPackageGroupDescription", "Tags") if key in properties}
        sagemaker().create_model_package_group(ModelPackageGroupName=name, **description)
    return arn, {"ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}


def delete(physical_id: str) -> None:
    """Delete it if it is empty. One with versions stays, as its registry is worth more than a tidy stack."""
    name = physical_id.rpartition("/")[2]
    if not exists(name):
        return
    if sagemaker().list_model_packages(ModelPackageGroupName=name, MaxResults=1)["ModelPackageSummaryList"]:
        logger.warning("model package group %s has versions and is kept", name)
        return
    sagemaker().delete_model_package_group(ModelPackageGroupName=name)


def exists(name: str) -> bool:
    try:
        sagemaker().describe_model_package_group(ModelPackageGroupName=name)
    except ClientError:
        return False
    return True
