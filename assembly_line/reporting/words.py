"""Figures as a page for deciders shows them."""

from __future__ import annotations

from collections.abc import Sequence

from assembly_line.reporting.grouped import LEAST_CLUSTERS, LEAST_ROWS

TOO_FEW = "too few"
POINTS = " points"
TOO_FEW_MEANS = f"Fewer than {LEAST_ROWS} decisions, or of fewer than {LEAST_CLUSTERS} clusters, give no figure"


def number(value: float) -> str:
    """Such as `1,204`, `12.5` or `0.0031`."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def outcome(value: float | None, *, share: bool) -> str:
    """A mean outcome, in percent where it is a share."""
    if value is None:
        return TOO_FEW
    return f"{value:.1%}" if share else number(value)


def between(interval: Sequence[float] | None, *, share: bool) -> str:
    """An interval of mean outcomes."""
    return "" if interval is None else " to ".join(outcome(bound, share=share) for bound in interval)


def difference(value: float, *, share: bool) -> str:
    """How far one mean lies above another, in points where they are percentages."""
    return f"{100 * value:+.1f}{POINTS}" if share else f"{'+' if value >= 0 else '-'}{number(abs(value))}"


def money(value: float, currency: str | None, *, largest: float | None = None) -> str:
    """Such as `USD 1,204`; without a currency the bare number.

    Args:
        largest: of the sums that stand beside it, which have as many digits; itself by default.
    """
    beside = abs(value) if largest is None else largest
    shown = f"{value:,.0f}" if beside >= 1000 else f"{value:,.2f}"
    return f"{currency} {shown}" if currency else shown


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def chance(value: float | None) -> str:
    if value is None:
        return "-"
    return "below 0.001" if value < 0.001 else f"{value:.3f}"
