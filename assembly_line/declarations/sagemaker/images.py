"""The images that train and serve: SageMaker's prebuilt ones with their URI in each Region, and own ones by digest.

The list is checked in (`images.json`, written by tools/resolve_images.py), so that nothing resolves it at run time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from assembly_line.errors import DeclarationError

if TYPE_CHECKING:
    from assembly_line.declarations.training.training import Training

OWN = "own image"
OWN_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com/"
    r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)@(?P<digest>sha256:[0-9a-f]{64})"
)
OWN_FORM = "<account>.dkr.ecr.<region>.amazonaws.com/<repository>@sha256:<64 hexadecimal digits>"
PYTHON = re.compile(r"3\.\d{1,2}")
SCOPES, PROCESSORS = ("training", "inference"), ("cpu", "gpu")
# Families of instance types with a GPU of NVIDIA, by their first letter. Other accelerators have images of their own.
WITH_GPU = ("g", "p")
OTHER_ACCELERATORS = ("inf", "trn")


@dataclass(frozen=True, slots=True)
class Image:
    """An image. `python` and `libraries` (name -> version) as far as they are known.

    Args:
        framework: of a prebuilt image; `own image` otherwise.
        version: of the framework; the repository and the digest of an own image.
        uri: of the image that trains.
        serving_uri: of the image that serves, which most often is the same.
    """

    framework: str
    version: str
    uri: str
    python: str | None
    libraries: Mapping[str, str]
    serving_uri: str

    def to_json(self) -> dict[str, Any]:
        """As the record of a run has it: an image that does all is named once."""
        document = asdict(self)
        if self.serving_uri == self.uri:
            del document["serving_uri"]
        return document


def image_of(training: Training, region: str, *, trains_on: str | None = None) -> Image:
    """The images that a declared training uses in a Region.

    Args:
        trains_on: the instance type of the training job, where it is not the declared one.

    Raises:
        DeclarationError: the framework, version or Region is not in the list; says what is.
    """
    if training.image is not None:
        found = OWN_URI.fullmatch(training.image)
        digest = "" if found is None else f"{found['repository']}@{found['digest'][:19]}"
        return Image(OWN, digest, training.image, training.python, {}, training.image)
    version = str(training.framework_version)
    entry = check_framework(training.framework, version)
    if region not in entry["uris"]:
        raise DeclarationError(
            f"Training: framework {training.framework} {version} has no image in region {region!r}; "
            f"there are images in {', '.join(entry['uris'])}",
            where="Training.framework",
            value=f"{training.framework} {version} in {region}",
            expected=f"one of the Regions {', '.join(entry['uris'])}",
        )
    trains, serves = (
        entry["uris"][region].format(scope=scope, processor=_processor(kind))
        for scope, kind in zip(SCOPES, (trains_on or training.instance_type, training.scores_on), strict=True)
    )
    return Image(training.framework, version, trains, python_of(training), entry["libraries"], serves)


def python_of(training: Training) -> str | None:
    """The Python of the image that trains and serves; None if neither the list nor the declaration says it."""
    if training.image is not None:
        return training.python
    return check_framework(training.framework, training.framework_version)["python"] or training.python


def _processor(instance_type: str) -> str:
    return "gpu" if instance_type.removeprefix("ml.").startswith(WITH_GPU) else "cpu"


def check_framework(framework: str, version: str | None) -> Mapping[str, Any]:
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
    if version is None or version not in known[framework]:
        raise DeclarationError(
            f"Training: framework_version is {version!r}; expected one that SageMaker has an image of {framework} for: "
            f"{', '.join(known[framework])}",
            where="Training.framework_version",
            value=repr(version),
            expected=f"one of {', '.join(known[framework])}",
        )
    entry: Mapping[str, Any] = known[framework][version]
    return entry


def check_image(uri: str | None, *, framework_version: str | None, python: str | None) -> None:
    """Refuse an own image that is not named by its digest, or beside a prebuilt one; and a Python that is none.

    Raises:
        DeclarationError: with place, value and what was expected.
    """
    if uri is not None and not OWN_URI.fullmatch(uri):
        why = "names no digest" if "@" not in uri else "is no image of Amazon ECR by its digest"
        raise DeclarationError(
            f"Training: image {uri!r} {why}; expected {OWN_FORM}: a tag may mean another image tomorrow",
            where="Training.image",
            value=repr(uri),
            expected=OWN_FORM,
        )
    if uri is not None and framework_version is not None:
        raise DeclarationError(
            f"Training: framework_version {framework_version!r} stands beside image; declare one of them",
            where="Training.framework_version",
            value=repr(framework_version),
            expected="nothing beside image, which is run as it is",
        )
    if python is not None and not PYTHON.fullmatch(python):
        raise DeclarationError(
            f"Training: python {python!r}: expected a version such as '3.12'",
            where="Training.python",
            value=repr(python),
            expected="a version of Python such as '3.12'",
        )


def check_processors(*instance_types: str) -> None:
    """Refuse an instance type whose accelerator has images of its own, which the list does not have.

    Raises:
        DeclarationError: names the type.
    """
    for kind in instance_types:
        if kind.removeprefix("ml.").startswith(OTHER_ACCELERATORS):
            raise DeclarationError(
                f"Training: instance type {kind}: PyTorch's images are for CPUs and NVIDIA's GPUs; expected such a "
                "type, or an own image",
                where="Training.instance_type",
                value=repr(kind),
                expected="an instance type with a CPU alone, or with a GPU of NVIDIA",
            )


def known_libraries(uri: str) -> Mapping[str, str] | None:
    """What is in a prebuilt image, by its URI; None if the list does not have it."""
    return _by_uri().get(uri)


def repositories() -> tuple[str, ...]:
    """The repositories of all prebuilt images, in order of name."""
    return tuple(sorted({uri.partition("/")[2].rpartition(":")[0] for uri in _by_uri()}))


@cache
def _by_uri() -> Mapping[str, Mapping[str, str]]:
    return {
        uri.format(scope=scope, processor=processor): entry["libraries"]
        for entry in _entries()
        for uri in entry["uris"].values()
        for scope in SCOPES
        for processor in PROCESSORS
    }


def _entries() -> Iterator[Mapping[str, Any]]:
    for versions in _known().values():
        yield from versions.values()


@cache
def _known() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    content = files(__package__).joinpath("images.json").read_text(encoding="utf-8")
    images: Mapping[str, Mapping[str, Mapping[str, Any]]] = json.loads(content)["images"]
    return images
