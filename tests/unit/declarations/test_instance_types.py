"""The instance types of a line's jobs are checked when it is declared, against what SageMaker takes."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from assembly_line import Training
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.declarations.sagemaker.instance_types import local_storage_gb
from assembly_line.errors import DeclarationError
from assembly_line.loader import load_line
from tools.resolve_instance_types import resolved

LINES = Path(__file__).parents[3] / "lines"


def declared(**fields: Any) -> Training:
    return Training(framework_version="3.2-0", baseline="sales", **fields)


def of_sagemaker(use: str) -> set[str]:
    return set(Loader().load_service_model("sagemaker", "service-2")["shapes"][f"{use}InstanceType"]["enum"])


def test_the_checked_in_list_is_the_one_of_the_installed_packages() -> None:
    content = files("assembly_line.declarations.sagemaker").joinpath("instance_types.json").read_text("utf-8")

    assert json.loads(content) == resolved()


def test_every_type_that_trains_and_scores_can_be_declared_alone() -> None:
    for name in sorted(of_sagemaker("Training") & of_sagemaker("Transform")):
        assert declared(instance_type=name).scores_on == name


def test_a_type_that_trains_alone_needs_another_one_that_scores() -> None:
    alone = sorted(of_sagemaker("Training") - of_sagemaker("Transform"))
    assert len(alone) == 114
    for name in alone:
        with pytest.raises(
            DeclarationError, match=rf"'{name}'.* no such instance type for a transform job.*declare one"
        ):
            declared(instance_type=name)
        training = declared(instance_type=name, transform_instance_type="ml.m5.large")
        assert (training.instance_type, training.scores_on) == (name, "ml.m5.large")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"instance_type": "ml.m5.huge"}, r"instance_type 'ml.m5.huge'.*training job; similar ones are .*ml\.m5\."),
        ({"instance_type": "m5.large"}, r"instance_type 'm5.large'.*similar ones are .*ml\.m5\.large"),
        ({"instance_type": ""}, r"instance_type ''.*similar ones are ml\.m5\.large"),
        ({"instance_type": "ml.inf2.xlarge"}, r"instance_type 'ml.inf2.xlarge'.*for a training job"),
        ({"transform_instance_type": "ml.p5.48xlarge"}, r"transform_instance_type 'ml.p5.48xlarge'.*transform job"),
        ({"transform_instance_type": ""}, r"transform_instance_type ''.*transform job"),
        ({"instance_type": "ml.g4dn.xlarge", "volume_gib": 126}, r"volume_gib 126: ml.g4dn.xlarge has 125 GB"),
    ],
)
def test_a_type_that_no_job_can_have_is_refused_with_similar_ones(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        declared(**fields)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        # docs.aws.amazon.com/ec2/latest/instancetypes
        ("ml.g4dn.xlarge", 125),
        ("ml.g5.xlarge", 250),
        ("ml.p4d.24xlarge", 8000),
        ("ml.r5d.large", 75),
        ("ml.p3dn.24xlarge", 1800),
        ("ml.p3.2xlarge", None),
        ("ml.m5.large", None),
        ("ml.c5.xlarge", None),
    ],
)
def test_local_storage_is_that_of_the_machine(name: str, size: int | None) -> None:
    assert local_storage_gb(name) == size


def test_a_line_that_names_no_type_for_scoring_has_the_json_that_it_had() -> None:
    line = load_line(LINES, "coupon_redemption").line
    other = replace(line, training=replace(line.training, transform_instance_type="ml.c5.xlarge"))

    assert "transform_instance_type" not in line_to_json(line)["line"]["training"]
    assert line_to_json(other)["line"]["training"].pop("transform_instance_type") == "ml.c5.xlarge"
    assert line_from_json(line_to_json(other)) == other
