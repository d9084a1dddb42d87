"""Faces: the names that a package offers to others. Its `__init__.pyi` lists them, and each is loaded on first use.

Type checkers read the same list. Late loading keeps cold starts short: a caller pays for the modules that it uses.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from pkgutil import get_data
from typing import Any

_OFFERED = re.compile(r"^from \.([\w.]+) import (\w+) as \2$", re.MULTILINE)


def offered(package: str) -> dict[str, str]:
    """Name that a package offers -> the module below it that holds the name.

    Raises:
        ImportError: the package has no list.
    """
    # Read through the loader, not by path: Glue and Spark's workers import this library from a zip archive.
    listed = get_data(package, "__init__.pyi")
    if listed is None:
        raise ImportError(f"package {package}: its loader reads no files; expected __init__.pyi beside __init__.py")
    return {name: module for module, name in _OFFERED.findall(listed.decode())}


def face(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, from its `__init__.pyi`.

    Raises:
        ImportError: the package has no list.
    """
    homes = offered(package)

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"package {package} offers no {name!r}; its __init__.pyi lists what it offers")
        home = f"{package}.{homes[name]}"
        # A whole module may be offered, too.
        value = getattr(import_module(home), name, None) or import_module(f"{home}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(homes), sorted(homes)
