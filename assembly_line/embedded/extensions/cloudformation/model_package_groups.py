"""AWS::SageMaker::ModelPackageGroup, created in the SageMaker process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from assembly_line.embedded.extensions.sagemaker_client import sagemaker
from assembly_line.embedded.runtime import ACCOUNT, REGION


def create(name: str, properties: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Create it. One that is there is in the way, as in AWS: its identifier cannot be imported by name."""
    description = {key: properties[key] for key in ("ModelPackageGroupDescription", "Tags") if key in properties}
    try:
        sagemaker().create_model_package_group(ModelPackageGroupName=name, **description)
    except ClientError as error:
        raise ValueError(str(error)) from error
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package-group/{name}"
    return arn, {"ModelPackageGroupArn": arn, "ModelPackageGroupStatus": "Completed"}


def delete(physical_id: str) -> None:
    """Delete it. SageMaker refuses one that holds versions."""
    try:
        sagemaker().delete_model_package_group(ModelPackageGroupName=physical_id.rpartition("/")[2])
    except ClientError as error:
        if "does not exist" not in str(error):
            raise ValueError(str(error)) from error
