"""Values of records, and instants, as a person reads them."""

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


def short_instant(text: str | None) -> str | None:
    """An instant without the zeros that say nothing: `2017-07-01`, `2017-07-01T04:00:00Z`."""
    return None if text is None else text.replace(".000000Z", "Z").removesuffix("T00:00:00Z")


def minute(text: str | None) -> str | None:
    """When something happened, to the minute in UTC: `2017-07-01 04:00`."""
    return None if text is None else text[:16].replace("T", " ")
