"""The images that a line may declare: the checked-in list of prebuilt ones, and own ones by their digest."""

from __future__ import annotations

from typing import Any

import pytest

from assembly_line import Training
from assembly_line.declarations.images import image_of, known_libraries, repositories
from assembly_line.errors import DeclarationError

REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
DIGEST = "sha256:" + "0123456789abcdef" * 4
OWN = f"{REGISTRY}/team/churn-trainer@{DIGEST}"


def training(**parameters: Any) -> Training:
    return Training(baseline="spend", **parameters)


def test_the_shipped_lines_image_exists_in_the_usual_regions() -> None:
    for region in ("us-east-1", "eu-central-1", "ap-southeast-2"):
        found = image_of(training(framework_version="3.2-0"), region)

        assert found.uri.endswith(f".dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:3.2-0")
        assert found.serving_uri == found.uri
        assert found.libraries["xgboost"] == "3.2.0"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"framework": "lightgbm", "framework_version": "4"},
            "framework is 'lightgbm'; expected one of xgboost, scikit-learn, pytorch",
        ),
        ({"framework_version": "3.2"}, "'3.2'; expected one that .* xgboost for: 3.2-0, 3.0-5, 1.7-1"),
        ({}, "framework_version is None; expected one that .* xgboost for: 3.2-0, 3.0-5, 1.7-1"),
        (
            {"framework": "sklearn", "framework_version": "1.9-0"},
            "framework is 'sklearn'; expected one of xgboost, scikit-learn",
        ),
    ],
)
def test_a_line_is_refused_when_it_declares_what_has_no_image(asked: dict[str, str], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        training(**asked)


def test_a_region_without_an_image_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(DeclarationError, match="no image in region 'cn-north-1'; there are images in af-south-1"):
        image_of(training(framework_version="3.2-0"), "cn-north-1")


def test_pytorch_trains_and_serves_in_two_images_each_for_the_processor_of_its_instances() -> None:
    declared = training(
        framework="pytorch",
        framework_version="2.6.0",
        instance_type="ml.g5.xlarge",
        transform_instance_type="ml.m5.large",
    )
    registry = "763104351884.dkr.ecr.us-east-1.amazonaws.com"

    found = image_of(declared, "us-east-1")

    assert found.uri == f"{registry}/pytorch-training:2.6.0-gpu-py312"
    assert found.serving_uri == f"{registry}/pytorch-inference:2.6.0-cpu-py312"
    assert (found.python, found.libraries) == ("3.12", {"torch": "2.6.0"})
    assert image_of(declared, "us-east-1", trains_on="ml.m5.large").uri.endswith(":2.6.0-cpu-py312")
    assert known_libraries(found.serving_uri) == {"torch": "2.6.0"}


def test_an_accelerator_that_pytorchs_images_do_not_have_is_refused() -> None:
    accelerated = {"instance_type": "ml.trn1.2xlarge", "transform_instance_type": "ml.m5.large"}

    with pytest.raises(DeclarationError, match=r"ml\.trn1\.2xlarge: PyTorch's images are for CPUs and NVIDIA's GPUs"):
        training(framework="pytorch", framework_version="2.6.0", **accelerated)
    assert training(image=OWN, **accelerated).instance_type == "ml.trn1.2xlarge"


def test_every_repository_of_a_prebuilt_image_is_known() -> None:
    assert repositories() == ("pytorch-inference", "pytorch-training", "sagemaker-scikit-learn", "sagemaker-xgboost")


def test_an_own_image_is_declared_by_its_digest() -> None:
    found = image_of(training(image=OWN, python="3.13"), "eu-central-1")

    assert found.uri == found.serving_uri == OWN
    assert (found.framework, found.version) == ("own image", "team/churn-trainer@sha256:0123456789ab")
    assert found.python == "3.13"
    assert known_libraries(OWN) is None


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        (f"{REGISTRY}/team/churn-trainer", "names no digest"),
        (f"{REGISTRY}/team/churn-trainer:latest", "names no digest"),
        (f"{REGISTRY}/team/churn-trainer:1@{DIGEST}", "by its digest"),
        (f"{REGISTRY}/team/churn-trainer@{DIGEST[:-1]}", "by its digest"),
        (f"{REGISTRY}/team/churn-trainer@{DIGEST.upper()}", "by its digest"),
        (f"{REGISTRY}/@{DIGEST}", "by its digest"),
        (f"registry.example/team/churn-trainer@{DIGEST}", "by its digest"),
        (f"{OWN}\n", "by its digest"),
    ],
)
def test_an_own_image_without_its_digest_is_refused_with_place_value_and_expectation(uri: str, why: str) -> None:
    with pytest.raises(DeclarationError, match=why) as refused:
        training(image=uri)

    assert refused.value.where == "Training.image"
    assert refused.value.value == repr(uri)
    assert "<repository>@sha256:<64 hexadecimal digits>" in str(refused.value.expected)


def test_an_own_image_and_a_framework_version_contradict_each_other() -> None:
    with pytest.raises(DeclarationError, match=r"framework_version '3\.2-0' stands beside image"):
        training(image=OWN, framework_version="3.2-0")


@pytest.mark.parametrize("python", ["3", "3.12.1", "2.7", "cp312"])
def test_a_python_is_declared_by_its_minor_version(python: str) -> None:
    with pytest.raises(DeclarationError, match=r"expected a version such as '3\.12'"):
        training(image=OWN, python=python)


def test_a_python_that_the_list_knows_otherwise_is_refused() -> None:
    sklearn = {"framework": "scikit-learn", "framework_version": "1.4-2-py312"}
    assert image_of(training(**sklearn), "us-east-1").python == "3.12"
    assert image_of(training(**sklearn, python="3.12"), "us-east-1").python == "3.12"

    with pytest.raises(DeclarationError, match=r"has Python 3\.12; leave it out"):
        training(**sklearn, python="3.11")
