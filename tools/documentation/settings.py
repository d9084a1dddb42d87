"""The reference of an environment's settings, from the class that reads them and the files that hold them."""

from __future__ import annotations

import json
import tomllib
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from stacks.settings import Settings
from tools.documentation.docstrings import arguments_of
from tools.documentation.markdown import code, page, table

FOLDER = Path(__file__).parents[2] / "settings"
INTRODUCTION = """\
You write the settings of an environment in `settings/ENVIRONMENT.toml`. This page is made from the class that reads
them, and from the files of this project. An unknown setting is refused, and so is a value out of range.

A setting without a default must stand in the file. [Configure an environment](../configuration.md) explains them.
"""


def render(folder: Path = FOLDER) -> str:
    """The page."""
    meanings = arguments_of(Settings)
    files = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))}
    rows = (
        (
            code(field.name),
            _default(field),
            *(_written(values.get(field.name)) for values in files.values()),
            meanings.get(field.name, ""),
        )
        for field in fields(Settings)
    )
    return page("Settings", INTRODUCTION, table(("setting", "default", *map(code, files), "meaning"), rows))


def _default(field: Field[Any]) -> str:
    if field.default is MISSING:
        return "required"
    return "none" if field.default is None else _written(field.default)


def _written(value: object) -> str:
    """As it stands in the file."""
    if value is None:
        return ""
    return code(json.dumps(value))
