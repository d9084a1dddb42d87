"""Which Python stands for an image on this machine: the own one, or one that was declared for it by `line up`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping

from assembly_line.declarations.images import known_libraries
from assembly_line.errors import JobFailed
from assembly_line.training import Framework, framework_of

LIMIT_SECONDS = 60
# Run by the interpreter itself: what is installed there, of the names that it is given.
LOOK = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def repository_of(image: str) -> str:
    """The part of an image's URI between its registry and its tag or digest."""
    path = image.partition("@")[0].partition("/")[2] or image
    return path.partition(":")[0]


def interpreter_for(image: str, declared: Mapping[str, str]) -> str:
    """The program that runs the scripts of an image.

    Args:
        image: its URI.
        declared: repository -> Python.

    Raises:
        JobFailed: none stands for it, or it has another version of the framework than the image; says what to do.
    """
    repository, framework = repository_of(image), framework_of(image)
    python = declared.get(repository, sys.executable)
    if framework is not None:
        _require_version(image, framework, python)
    elif repository not in declared:
        raise JobFailed(
            f"ClientError: image {image!r} is none of SageMaker's that this machine can stand for: start with `line up "
            f"--interpreter {repository}=PYTHON`, the path of a Python that has what the image has"
        )
    return python


def _require_version(image: str, framework: Framework, python: str) -> None:
    libraries, package = known_libraries(image), framework.packages[0]
    if libraries is None:
        raise JobFailed(
            f"ClientError: image {image!r} is not in the list of prebuilt images, so nobody knows its version of "
            f"{framework.name} here; declare one that is"
        )
    wanted = libraries[framework.packages[-1]]
    found = next(iter(installed(python, framework.packages).values()), None)
    if found is None or _public(found) != wanted:
        raise JobFailed(
            f"ClientError: image {image.rpartition('/')[2]} has {framework.name} {wanted}, and {python} has "
            f"{found or 'none'}: install it there by `pip install {package}=={wanted}`, or start with `line up "
            f"--interpreter {repository_of(image)}=PYTHON`, the path of a Python that has it"
        )


def installed(python: str, names: Iterable[str]) -> dict[str, str]:
    """The versions of packages that an interpreter has, by their names as given; what it lacks is left out.

    Raises:
        JobFailed: it is no Python that runs.
    """
    try:
        answer = subprocess.run(
            [python, "-I", "-c", LOOK, *names], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=True
        )
        found: dict[str, str] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise JobFailed(f"ClientError: {python} does not run as a Python: {error}") from error
    return found


def _public(version: str) -> str:
    """Without what names a build of it, such as `+cpu`."""
    return version.partition("+")[0]
