"""A search for hyperparameters, as a line among those of a run or a review."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def searched(found: Mapping[str, Any] | None) -> dict[str, str]:
    """The sentence by its title; nothing of a run that did not search."""
    if found is None:
        return {}
    from assembly_line.training import search_in_words

    return {"search": search_in_words(found)}
