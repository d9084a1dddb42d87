"""The folder `code/` of a release, as a container gets it: the scripts, and how pip installs them without a network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from assembly_line.names import BUILD_BACKEND
from assembly_line.packages import REQUIREMENTS, for_container, packages_of

# Nothing is required, so pip fetches nothing; the backend lies in the folder itself.
_PROJECT = f'[build-system]\nrequires = []\nbuild-backend = "{BUILD_BACKEND}"\nbackend-path = ["."]\n'


def installable(scripts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the folder by name: the release's scripts, `pyproject.toml`, and the build backend that it names.

    `requirements.txt` is there as the container's pip reads it; the wheels that it finds travel in a folder beside it.
    """
    backend = f"{BUILD_BACKEND}.py"
    content = files("assembly_line.training").joinpath(backend).read_bytes()
    packages = packages_of(scripts, "release")
    required = {REQUIREMENTS: for_container(packages)} if REQUIREMENTS in scripts else {}
    return {**scripts, **required, "pyproject.toml": _PROJECT.encode(), backend: content}
