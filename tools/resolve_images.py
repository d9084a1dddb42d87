"""Writes assembly_line/declarations/images.json: URIs of SageMaker's prebuilt images, resolved once with its SDK.

Needs the extra `sagemaker` (which takes seconds to import, so neither synth nor a Lambda may use it):
`python tools/resolve_images.py`, without network and without credentials.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

from sagemaker.core import image_uris
from sagemaker.core.image_uris import config_for_framework

from assembly_line.training import FRAMEWORKS

SCOPES = ("training", "inference")
TARGET = Path(__file__).parents[1] / "assembly_line" / "declarations" / "images.json"
# Regions of the other partitions (China, GovCloud, isolated) have services and names of their own.
OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")
# Python and libraries as the images' public Dockerfiles say; null or absent where these are not published.
# Sources: aws/sagemaker-xgboost-container docker/3.0-5/base, docker/1.7-1/base; aws/sagemaker-scikit-learn-container
# docker/1.4-2-py312/base. Of 3.2-0 and 1.9-0 the tag alone is known. The tags of PyTorch's images name its Python.
CONTENT: dict[tuple[str, str], tuple[str | None, dict[str, str]]] = {
    ("xgboost", "3.2-0"): (None, {"xgboost": "3.2.0"}),
    ("xgboost", "3.0-5"): (
        "3.10",
        {"xgboost": "3.0.5", "numpy": "2.1.0", "pandas": "2.2.3", "pyarrow": "22.0.0"},
    ),
    ("xgboost", "1.7-1"): ("3.8", {"xgboost": "1.7.4"}),
    ("scikit-learn", "1.9-0"): (None, {"scikit-learn": "1.9.0"}),
    ("scikit-learn", "1.4-2-py312"): ("3.12", {"scikit-learn": "1.4.2", "numpy": "2.1.0", "pyarrow": "17.0.0"}),
    ("pytorch", "2.6.0"): ("3.12", {"torch": "2.6.0"}),
    ("pytorch", "2.5.1"): ("3.11", {"torch": "2.5.1"}),
}
# An instance type of each processor.
PROCESSORS = {"cpu": "ml.m5.large", "gpu": "ml.g5.xlarge"}


def main() -> None:
    images: dict[str, dict[str, object]] = {}
    for (framework, tag), (python, libraries) in CONTENT.items():
        images.setdefault(framework, {})[tag] = {"python": python, "libraries": libraries, "uris": uris(framework, tag)}
    document = {"resolved_with": f"sagemaker {version('sagemaker')}", "images": images}
    TARGET.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def uris(framework: str, tag: str) -> dict[str, str]:
    """Region -> URI. Where images differ, it has `{scope}` (training, inference) and `{processor}` (cpu, gpu) in it."""
    name = FRAMEWORKS[framework].sdk_name
    config = config_for_framework(name)
    # Of other frameworks, one image runs on a CPU alone, or on both.
    processors = config["training"].get("processors", ["cpu"])
    versions = [config[scope]["versions"][tag] for scope in SCOPES]
    python = versions[0]["py_versions"][0] if len(processors) > 1 else None
    found = {}
    for region in sorted(set.intersection(*(set(one["registries"]) for one in versions))):
        if region.startswith(OTHER_PARTITIONS):
            continue
        each = {
            (scope, processor): image_uris.retrieve(
                name,
                region,
                version=tag,
                image_scope=scope,
                instance_type=PROCESSORS[processor],
                py_version=python,
            )
            for scope in SCOPES
            for processor in processors
        }
        form = each["training", "cpu"]
        if len(set(each.values())) > 1:
            form = form.replace("-training:", "-{scope}:").replace("-cpu-", "-{processor}-")
        for (scope, processor), uri in each.items():
            if form.format(scope=scope, processor=processor) != uri:
                raise SystemExit(f"{framework} {tag} in {region}: {uri} is not of the form {form}")
        found[region] = form
    return found


if __name__ == "__main__":
    main()
