"""Figures as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def interval(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{number(bounds[0])} to {number(bounds[1])}"


def ranked(importance: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Features with what `importance_of` found, by importance; those without a figure last."""
    unknown = float("-inf")
    return sorted(
        importance["features"].items(),
        key=lambda one: (-(unknown if one[1]["figure"] is None else one[1]["figure"]), one[0]),
    )
