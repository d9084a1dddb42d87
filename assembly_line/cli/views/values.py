"""Values of records in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

SHORT = 12
DIGEST = re.compile(r"(ds-)?[0-9a-f]{32,64}")


def said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(said, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {said(inner)}" for name, inner in value.items())
    return "" if value is None else str(value)


def cut(value: object) -> str:
    """Whole, but for digests and what is named by one: the beginning tells them apart."""
    text = said(value)
    return text[:SHORT] if DIGEST.fullmatch(text) else text
