"""The model registry: one package a run, in the line's group, approved or rejected by its review."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sagemaker.literals import TransformInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import CreateModelPackageInputTypeDef

CSV = "text/csv"
JSON = "application/json"
DESCRIPTION_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class RegisteredPackage:
    arn: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageContent:
    """What is registered. `metadata` holds ids and digests alone: the registry takes 256 plain characters a value."""

    run_id: str
    image: str
    model_data_uri: str
    environment: dict[str, str]
    evaluation_uri: str
    instance_type: str
    metadata: dict[str, str]


class ModelRegistry:
    """The model package group of a line. Its first package makes it, and it outlives the line's stack.

    CloudFormation could make it once only: a group that holds versions cannot be deleted, and none can be imported by
    its name, as its primary identifier, the ARN, is read-only.
    """

    def __init__(self, sagemaker: SageMakerClient, group: str) -> None:
        self._sagemaker = sagemaker
        self._group = group

    def register(self, content: PackageContent) -> RegisteredPackage:
        """Register the run's model as pending, or return the package that it has already."""
        found = self.find(content.run_id)
        if found is not None:
            return found
        request = self._request(content)
        try:
            arn = self._sagemaker.create_model_package(**request)["ModelPackageArn"]
        except ClientError as error:
            if not _says(error, "does not exist"):
                raise
            self._make_group()
            arn = self._sagemaker.create_model_package(**request)["ModelPackageArn"]
        return RegisteredPackage(arn, _version(arn))

    def find(self, run_id: str) -> RegisteredPackage | None:
        """The package of a run, newest first: a repeated step finds its own at once."""
        try:
            pages = self._sagemaker.get_paginator("list_model_packages").paginate(
                ModelPackageGroupName=self._group, SortBy="CreationTime", SortOrder="Descending"
            )
            for page in pages:
                for summary in page["ModelPackageSummaryList"]:
                    if summary.get("ModelPackageDescription") == _description(run_id):
                        return RegisteredPackage(summary["ModelPackageArn"], _version(summary["ModelPackageArn"]))
        except ClientError as error:
            if not _says(error, "does not exist"):
                raise
        return None

    def decide(self, arn: str, *, approved: bool, reason: str) -> None:
        """Record the review's judgement. Repeating it changes nothing."""
        self._sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="Approved" if approved else "Rejected",
            # The service takes one line; the review's own record keeps the whole reason.
            ApprovalDescription=" ".join(reason.split())[:DESCRIPTION_LIMIT],
        )

    def discard_package(self, run_id: str) -> None:
        """Delete the package of a run. Repeating it changes nothing; no later package gets its version."""
        if (found := self.find(run_id)) is not None:
            self._sagemaker.delete_model_package(ModelPackageName=found.arn)

    def discard_model(self, name: str) -> None:
        """Delete a model that nothing asks any more; its archive stays. Repeating it changes nothing."""
        try:
            self._sagemaker.delete_model(ModelName=name)
        except ClientError as error:
            # SageMaker calls what does not exist an invalid request.
            if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFound"):
                raise

    def _request(self, content: PackageContent) -> CreateModelPackageInputTypeDef:
        return {
            "ModelPackageGroupName": self._group,
            "ModelPackageDescription": _description(content.run_id),
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": content.image,
                        "ModelDataUrl": content.model_data_uri,
                        "Environment": content.environment,
                    }
                ],
                "SupportedContentTypes": [CSV],
                "SupportedResponseMIMETypes": [CSV],
                "SupportedTransformInstanceTypes": [cast("TransformInstanceTypeType", content.instance_type)],
            },
            "ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": JSON, "S3Uri": content.evaluation_uri}}},
            "CustomerMetadataProperties": content.metadata,
            # The same run asks with the same token, so that two attempts at once make one package.
            "ClientToken": hashlib.sha256(content.run_id.encode()).hexdigest()[:32],
        }

    def _make_group(self) -> None:
        try:
            self._sagemaker.create_model_package_group(ModelPackageGroupName=self._group)
        except ClientError as error:
            # Another run of the line was first.
            if not _says(error, "already exists"):
                raise


def groups(sagemaker: SageMakerClient, begins: str) -> list[str]:
    """Names of the groups that begin so."""
    pages = sagemaker.get_paginator("list_model_package_groups").paginate(NameContains=begins)
    names = [group["ModelPackageGroupName"] for page in pages for group in page["ModelPackageGroupSummaryList"]]
    return sorted(name for name in names if name.startswith(begins))


def _says(error: ClientError, words: str) -> bool:
    """SageMaker calls both what is missing and what is there an invalid request: its words alone tell."""
    return words in str(error.response["Error"].get("Message", ""))


def _description(run_id: str) -> str:
    return f"run {run_id}"


def _version(arn: str) -> int:
    """The number at the end of a versioned package's ARN."""
    return int(arn.rsplit("/", 1)[-1])
