"""One table tells what the line knows of each model framework: images, documentation and the embedded AWS agree."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

from assembly_line.training.frameworks import FRAMEWORKS, PYTORCH, SCIKIT_LEARN, XGBOOST, framework_of, rows_of

ROOT = Path(__file__).parents[3]
IMAGES = json.loads(files("assembly_line.declarations").joinpath("images.json").read_text(encoding="utf-8"))["images"]


def test_every_listed_image_is_of_the_framework_that_it_is_listed_under() -> None:
    assert set(IMAGES) == set(FRAMEWORKS)
    for name, versions in IMAGES.items():
        for version in versions.values():
            for uri in version["uris"].values():
                for scope in ("training", "inference"):
                    assert framework_of(uri.format(scope=scope, processor="cpu")) is FRAMEWORKS[name], uri


def test_another_image_is_of_no_framework() -> None:
    assert framework_of("1.dkr.ecr.us-east-1.amazonaws.com/my-xgboost:1") is None
    assert framework_of("sagemaker-xgboost") is XGBOOST
    assert framework_of(f"1.dkr.ecr.us-east-1.amazonaws.com/sagemaker@sha256:{'0' * 64}") is None
    assert framework_of("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-gpu-py312") is PYTORCH
    assert rows_of("1.dkr.ecr.us-east-1.amazonaws.com/own") == "array"
    assert framework_of("registry:5000/sagemaker-scikit-learn:1.4-2") is SCIKIT_LEARN


def test_the_documentation_tells_of_each_framework_what_the_table_says() -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    table = re.findall(
        r"^\| `([\w-]+)` \| ([\w, ]+) \| as (an installed module|a file) \| (.*) \|$", text, flags=re.MULTILINE
    )
    rows = {name: (saves, trains, serves) for name, saves, trains, serves in table}
    assert set(rows) == set(FRAMEWORKS)
    for name, framework in FRAMEWORKS.items():
        saves, trains, serves = rows[name]
        assert all(word in framework.artefact for word in saves.split(", "))
        assert (trains == "an installed module") is framework.installed_to_train
        assert serves.removeprefix("`").startswith(
            {"dmatrix": "DMatrix", "array": "NumPy", "tensor": "a tensor"}[framework.rows]
        )
