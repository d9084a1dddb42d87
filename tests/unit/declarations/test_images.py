"""The checked-in list of prebuilt images."""

from __future__ import annotations

import pytest

from assembly_line import Training
from assembly_line.declarations.sagemaker.images import image
from assembly_line.errors import DeclarationError


def test_the_shipped_lines_image_exists_in_the_usual_regions() -> None:
    for region in ("us-east-1", "eu-central-1", "ap-southeast-2"):
        found = image("xgboost", "3.2-0", region)

        assert found.uri.endswith(f".dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:3.2-0")
        assert found.libraries["xgboost"] == "3.2.0"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("lightgbm", "4", "us-east-1"), "framework is 'lightgbm'; expected one of xgboost, scikit-learn"),
        (
            ("xgboost", "3.2", "us-east-1"),
            "'3.2'; expected one that .* xgboost for: 3.2-0, 3.0-5, 1.7-1",
        ),
        (("xgboost", "3.2-0", "cn-north-1"), "no image in region 'cn-north-1'; there are images in af-south-1"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(asked: tuple[str, str, str], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        image(*asked)


def test_a_line_is_refused_when_it_declares_a_version_without_an_image() -> None:
    with pytest.raises(DeclarationError, match=r"framework_version is '1\.0'; expected one that .* 3\.2-0, 3\.0-5"):
        Training(framework_version="1.0", baseline="spend")
    with pytest.raises(DeclarationError, match="framework is 'sklearn'; expected one of xgboost, scikit-learn"):
        Training(framework="sklearn", framework_version="1.9-0", baseline="spend")
