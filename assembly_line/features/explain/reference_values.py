"""Reference values of features from a handful of rows, by plain exact arithmetic: what the kernel is held against."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, assert_never

from assembly_line.declarations.features import AggregateKind


def aggregate_of(kind: AggregateKind, values: Sequence[Any]) -> Any:
    """One aggregate of values that are not null, in order for first and last, which take nulls too; rows for a count.

    Without any: 0 for count and distinct, else null.
    """
    match kind:
        case "count":
            return len(values)
        case "distinct":
            return len({rank(value) for value in values})
        case "first" | "last":
            return None if not values else values[0 if kind == "first" else -1]
        case "min" | "max":
            return (min if kind == "min" else max)(values, key=rank, default=None)
        case "sum" | "mean":
            return _number(kind, values) if values else None
        case "stddev":
            return _number(kind, values) if len(values) > 1 else None
        case _:
            assert_never(kind)


def ratio_of(numerator: Any, denominator: Any) -> float | None:
    """One value divided by another; null where the denominator is 0 or either is null."""
    if numerator is None or denominator is None or denominator == 0:
        return None
    above, below = float(numerator), float(denominator)
    if math.isfinite(above) and math.isfinite(below):
        return _rounded(Fraction(above) / Fraction(below))
    return math.nan if not math.isfinite(below) and not math.isfinite(above) else above / below


def share_of(kind: AggregateKind, part: Sequence[Any], whole: Sequence[Any]) -> float | None:
    """Which share of an aggregate, a count or a sum, a part carries; null where the whole is 0 or of nothing."""
    return ratio_of(aggregate_of(kind, part) or 0, aggregate_of(kind, whole))


def rank(value: Any) -> tuple[int, Any]:
    """The order of values of one type: null below all, NaN above all and equal to itself, -0.0 equal to 0.0."""
    if value is None:
        return (0, 0)
    if isinstance(value, float) and math.isnan(value):
        return (2, 0)
    return (1, value)


def _number(kind: Literal["sum", "mean", "stddev"], values: Sequence[Any]) -> Any:
    endless = {str(value) for value in values if isinstance(value, float) and not math.isfinite(value)}
    if endless:
        return math.nan if kind == "stddev" or len(endless) > 1 else float(endless.pop())
    exact = [Fraction(value) for value in values]
    if kind == "sum":
        first = values[0]
        if isinstance(first, float):
            return _rounded(sum(exact, Fraction(0)))
        return sum(values, Decimal(0) if isinstance(first, Decimal) else 0)
    if kind == "mean":
        return _rounded(sum(exact, Fraction(0)) / len(exact))
    if kind == "stddev":
        try:
            return float(statistics.stdev(exact))
        except OverflowError:
            return math.inf
    assert_never(kind)


def _rounded(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
