"""SageMaker's prebuilt images: which there are, what is in them, and their URI in each region.

The list is checked in (`images.json`, written by tools/resolve_images.py), so that nothing resolves it at run time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from assembly_line.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Image:
    """A prebuilt image. `python` and `libraries` (name -> version) as far as they are published."""

    framework: str
    version: str
    uri: str
    python: str | None
    libraries: Mapping[str, str]


def image(framework: str, version: str, region: str) -> Image:
    """The image of a framework version in a region; one image trains and serves.

    Raises:
        DeclarationError: the framework, version or region is not in the list; says what is.
    """
    found = check_framework(framework, version)
    if region not in found["uris"]:
        raise DeclarationError(
            f"Training: framework {framework} {version} has no image in region {region!r}; "
            f"there are images in {', '.join(found['uris'])}",
            where="Training.framework",
            value=f"{framework} {version} in {region}",
            expected=f"one of the Regions {', '.join(found['uris'])}",
        )
    return Image(framework, version, found["uris"][region], found["python"], found["libraries"])


def check_framework(framework: str, version: str) -> Mapping[str, Any]:
    """The entry of a framework version.

    Raises:
        DeclarationError: it is not in the list; says what is.
    """
    known = _known()
    if framework not in known:
        raise DeclarationError(
            f"Training: framework is {framework!r}; expected one of {', '.join(known)}",
            where="Training.framework",
            value=repr(framework),
            expected=f"one of {', '.join(known)}",
        )
    if version not in known[framework]:
        raise DeclarationError(
            f"Training: framework_version is {version!r}; expected one that SageMaker has an image of {framework} for: "
            f"{', '.join(known[framework])}",
            where="Training.framework_version",
            value=repr(version),
            expected=f"one of {', '.join(known[framework])}",
        )
    entry: Mapping[str, Any] = known[framework][version]
    return entry


@cache
def _known() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    content = files(__package__).joinpath("images.json").read_text(encoding="utf-8")
    images: Mapping[str, Mapping[str, Mapping[str, Any]]] = json.loads(content)["images"]
    return images
