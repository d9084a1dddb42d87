"""The registry group of a line: made with its first model, found by every later one and by a line that comes back."""

from __future__ import annotations

import boto3
from botocore.stub import Stubber

from assembly_line.storage.models.registry import ModelRegistry, PackageContent

GROUP = "assembly-line-dev-news"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/assembly-line-dev-news/1"
MISSING = ("ValidationException", f"ModelPackageGroup {GROUP} does not exist.")


def content(run: str) -> PackageContent:
    return PackageContent(
        run_id=run,
        image="image",
        model_data_uri="s3://store/model.tar.gz",
        environment={},
        evaluation_uri="s3://store/evaluation.json",
        instance_type="ml.m5.large",
        metadata={"run_id": run},
    )


def test_the_first_model_makes_the_group_and_the_next_is_its_second_version(aws: None) -> None:
    sagemaker = boto3.client("sagemaker")
    registry = ModelRegistry(sagemaker, GROUP)

    first, again, second = (registry.register(content(run)) for run in ("a", "a", "b"))

    assert (first.version, again, second.version) == (1, first, 2)
    assert len(sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]) == 1


def test_two_first_models_at_once_share_the_group() -> None:
    sagemaker = boto3.client("sagemaker", region_name="us-east-1")
    with Stubber(sagemaker) as stub:
        stub.add_client_error("list_model_packages", *MISSING)
        stub.add_client_error("create_model_package", *MISSING)
        stub.add_client_error(
            "create_model_package_group",
            service_error_code="ValidationException",
            service_message=f"Model Package Group already exists: {GROUP}",
        )
        stub.add_response("create_model_package", {"ModelPackageArn": ARN})

        assert ModelRegistry(sagemaker, GROUP).register(content("a")).arn == ARN
