"""The instance types that SageMaker's jobs run on.

The list is checked in (`instance_types.json`, written by tools/resolve_instance_types.py), so that a declaration is
checked without AWS's libraries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal

from assembly_line.declarations.checks import require

Use = Literal["training", "transform"]


@dataclass(frozen=True, slots=True)
class _Known:
    training: frozenset[str]
    transform: frozenset[str]
    local_storage_gb: Mapping[str, int]

    def of(self, use: Use) -> frozenset[str]:
        return self.training if use == "training" else self.transform


def check_instance_type(place: str, name: str, use: Use, *, advice: str = "") -> None:
    """Refuse a type that SageMaker has not for this use.

    Args:
        place: the field, for the message.
        advice: what else could be done about it.

    Raises:
        DeclarationError: with similar types that exist.
    """
    types = _known().of(use)
    similar = get_close_matches(name, sorted(types), n=5, cutoff=0.4) or ["ml.m5.large"]
    require(
        name in types,
        f"{place} {name!r}: SageMaker has no such instance type for a {use} job; similar ones are "
        f"{', '.join(similar)}{advice}",
    )


def local_storage_gb(name: str) -> int | None:
    """GB of the type's own disks; None without any. These are encrypted by the machine, and take no key of ours."""
    return _known().local_storage_gb.get(name)


@cache
def _known() -> _Known:
    content = json.loads(files(__package__).joinpath("instance_types.json").read_text("utf-8"))
    return _Known(frozenset(content["training"]), frozenset(content["transform"]), content["local_storage_gb"])
