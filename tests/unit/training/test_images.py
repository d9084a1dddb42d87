"""The checked-in list of prebuilt images."""

from __future__ import annotations

import pytest

from assembly_line.errors import DeclarationError
from assembly_line.training.images import image


def test_the_shipped_lines_image_exists_in_the_usual_regions() -> None:
    for region in ("us-east-1", "eu-central-1", "ap-southeast-2"):
        found = image("xgboost", "3.2-0", region)

        assert found.uri.endswith(f".dkr.ecr.{region}.amazonaws.com/sagemaker-xgboost:3.2-0")
        assert found.libraries["xgboost"] == "3.2.0"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("lightgbm", "4", "us-east-1"), "'lightgbm': is unknown; there are xgboost, scikit-learn"),
        (("xgboost", "3.2", "us-east-1"), "'3.2': xgboost has no such version; there are 3.2-0, 3.0-5, 1.7-1"),
        (("xgboost", "3.2-0", "cn-north-1"), "no image in region 'cn-north-1'; there are images in af-south-1"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(asked: tuple[str, str, str], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        image(*asked)
