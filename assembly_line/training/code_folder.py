"""The folder `code/` of a release, as a container gets it: the scripts, and how pip installs them without a network."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from assembly_line.names import BUILD_BACKEND

# Nothing is required, so pip fetches nothing; the backend lies in the folder itself.
_PROJECT = f'[build-system]\nrequires = []\nbuild-backend = "{BUILD_BACKEND}"\nbackend-path = ["."]\n'


def installable(scripts: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of the folder by name: the release's scripts, `pyproject.toml`, and the build backend that it names."""
    backend = f"{BUILD_BACKEND}.py"
    content = files("assembly_line.training").joinpath(backend).read_bytes()
    return {**scripts, "pyproject.toml": _PROJECT.encode(), backend: content}
