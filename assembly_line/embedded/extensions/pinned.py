"""Access to the emulator's insides, checked by name: another release must fail at start, not in the middle of a run."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from types import ModuleType

from assembly_line.errors import EmbeddedAwsError

MINISTACK = "1.5.33"


def require_version() -> None:
    """Raise EmbeddedAwsError unless exactly the release is installed that the extensions were written for."""
    installed = version("ministack")
    if installed != MINISTACK:
        raise EmbeddedAwsError(
            f"ministack {installed} is installed, the extensions were written for {MINISTACK}; install that release, "
            "or check each extension against the new one (tests/embedded) and change the pin"
        )


def ministack(name: str, *names: str) -> ModuleType:
    """The module `ministack.<name>`, after checking that it has every one of `names`."""
    module = importlib.import_module(f"ministack.{name}")
    missing = [each for each in names if not hasattr(module, each)]
    if missing:
        raise EmbeddedAwsError(f"ministack {MINISTACK}: {module.__name__} lacks {', '.join(missing)}; wrong release?")
    return module


def replace(module: ModuleType, name: str, replacement: object) -> None:
    """Put something else under a name that must exist."""
    if not hasattr(module, name):
        raise EmbeddedAwsError(f"ministack {MINISTACK}: {module.__name__} lacks {name}; wrong release?")
    setattr(module, name, replacement)
