"""The version of the command."""

from __future__ import annotations

import tomllib
from pathlib import Path

DISTRIBUTION = "data-science-assembly-line"


def version() -> str:
    """Of the folder that this runs from, or of the installed package."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    if project.is_file():
        return str(tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"])
    from importlib import metadata

    return metadata.version(DISTRIBUTION)
