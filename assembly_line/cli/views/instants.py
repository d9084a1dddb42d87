"""Instants as a person reads them."""

from __future__ import annotations


def short_instant(text: str | None) -> str | None:
    """An instant without the zeros that say nothing: `2017-07-01`, `2017-07-01T04:00:00Z`."""
    return None if text is None else text.replace(".000000Z", "Z").removesuffix("T00:00:00Z")


def minute(text: str | None) -> str | None:
    """When something happened, to the minute in UTC: `2017-07-01 04:00`."""
    return None if text is None else text[:16].replace("T", " ")
