"""Figures as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"


def interval(bounds: Sequence[float] | None) -> str:
    return "-" if bounds is None else f"{number(bounds[0])} to {number(bounds[1])}"
