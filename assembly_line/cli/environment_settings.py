"""Single settings of an environment, for commands: the whole of them is checked where stacks are made."""

from __future__ import annotations

import tomllib
from typing import Any

from assembly_line.cli.session import REPOSITORY, require_settings
from assembly_line.errors import RequestRefused


def setting(environment: str, name: str) -> Any:
    """One setting that every environment has.

    Raises:
        RequestRefused: the environment has no file in `settings/`, or the file lacks the setting.
    """
    require_settings(environment)
    file = REPOSITORY / "settings" / f"{environment}.toml"
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    if name not in found:
        raise RequestRefused.about(str(file), "missing", name)
    return found[name]
