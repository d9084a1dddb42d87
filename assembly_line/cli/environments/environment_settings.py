"""Single settings of an environment, for commands: the whole of them is checked where stacks are made."""

from __future__ import annotations

import tomllib
from typing import Any

from assembly_line.cli.session import REPOSITORY, require_settings
from assembly_line.errors import RequestRefused
from assembly_line.proof.permissions.sign_in import SignIn


def sign_in_of(environment: str) -> SignIn:
    """How people sign in to the account of an environment.

    Raises:
        RequestRefused: the environment has no file in `settings/`, or the file does not say.
    """
    return SignIn(setting(environment, "sign_in"), tuple(setting(environment, "federated_roles", ())))


def setting(environment: str, name: str, default: Any = None) -> Any:
    """One setting. One without a default is in the file of every environment.

    Raises:
        RequestRefused: the environment has no file in `settings/`, or the file lacks the setting.
    """
    require_settings(environment)
    file = REPOSITORY / "settings" / f"{environment}.toml"
    found = tomllib.loads(file.read_text(encoding="utf-8"))
    if name not in found and default is None:
        raise RequestRefused.about(str(file), "missing", name)
    return found.get(name, default)
