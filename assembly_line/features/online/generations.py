"""A generation: everything that one publication of a line's online features is made of, and when it may be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assembly_line.canonical import digest
from assembly_line.features.online import packing
from assembly_line.features.values.semantics import SEMANTICS_VERSION

LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSource:
    """A source as it was published: digest of its snapshot; its newest event in microseconds, None if it has none."""

    snapshot: str
    newest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One publication. Equal content gives the same `id`, so that publishing again writes the same items.

    Args:
        line: the line's name.
        release: digest of the release whose features it serves.
        served_from: the first instant, in microseconds, for which it has everything that matters.
        sources: source -> what was published of it.
    """

    line: str
    release: str
    served_from: int
    sources: Mapping[str, PublishedSource]

    @property
    def id(self) -> str:
        """`g-<16 hexadecimal digits>`."""
        content = {"packing": packing.VERSION, "semantics": SEMANTICS_VERSION, **self.to_json()}
        return f"g-{digest(content)[:LENGTH]}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def known_until(generation: Generation, sources: Mapping[str, Any]) -> int | None:
    """The instant up to which every one of these sources has events; None if none of them has events at all."""
    newest = [generation.sources[name].newest for name in sources]
    return min((instant for instant in newest if instant is not None), default=None)
