"""Reads the arguments that a docstring explains."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

_SECTION = re.compile(r"^Args:\n((?: .*\n?|\n)+)", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def arguments_of(documented: type[Any] | Callable[..., Any]) -> dict[str, str]:
    """Name -> meaning, from the section `Args:` of its docstring, in order."""
    section = _SECTION.search(inspect.getdoc(documented) or "")
    found = _ARGUMENT.findall(section[1]) if section else []
    return {name: " ".join(meaning.split()) for name, meaning in found}
