"""Values of columns one by one, for people: plain Python values, their text, and when two of them are equal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from assembly_line.declarations.derived import Expression, Ratio
from assembly_line.declarations.features import Aggregate, Share
from assembly_line.declarations.lines import Line
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.features.values.columns import Column, Flags, column_of, decimal_scale
from assembly_line.features.values.semantics import EPOCH_DAY
from assembly_line.instants import format_instant, from_micros

RELATIVE = 1e-9


def plain_values(column: Column) -> list[Any]:
    """A column as Python values, None where null: instants as microseconds, dates as days, decimals exact."""
    scale = decimal_scale(column.kind)
    values = column.values.tolist()
    if scale is not None:
        values = [Decimal(value).scaleb(-scale) for value in values]
    return [value if valid else None for value, valid in zip(values, column.valid.tolist(), strict=True)]


def column_of_plain(kind: str, values: Sequence[Any]) -> Column:
    """The column that has these plain values."""
    scale = decimal_scale(kind)
    if scale is not None:
        values = [None if value is None else int(value.scaleb(scale)) for value in values]
    return column_of(kind, values)


def shown(value: Any, kind: str) -> Any:
    """A plain value of a declared type as JSON takes it: instants, dates, decimals, NaN and infinities as text."""
    if value is None:
        return None
    if kind == "timestamp":
        return shown_instant(value)
    if kind == "date":
        try:
            return (EPOCH_DAY + timedelta(days=value)).isoformat()
        except OverflowError:
            return f"{value} days since 1970-01-01"
    if isinstance(value, Decimal):
        return str(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def shown_instant(micros: int) -> str:
    try:
        return format_instant(from_micros(micros))
    except (OverflowError, ValueError):
        return f"{micros} microseconds since 1970-01-01"


def rounds(line: Line, feature: str) -> bool:
    """Whether values of a column may differ in their last digits between engines: floats that are computed."""
    if feature == line.outcome.name:
        return line.outcome.measure in ("sum", "mean")
    declared = line.features.get(feature)
    return isinstance(declared, Ratio | Expression | UdfFeature | Share) or (
        isinstance(declared, Aggregate) and declared.kind in ("sum", "mean", "stddev")
    )


def same(found: Any, expected: Any, *, rounded: bool) -> bool:
    """The rule of equality: exact, or with `rounded` relative 1e-9 between floats. NaN equals NaN, null equals null."""
    if found is None or expected is None:
        return found is expected
    if isinstance(found, float) and isinstance(expected, float):
        if math.isnan(found) or math.isnan(expected):
            return math.isnan(found) and math.isnan(expected)
        return math.isclose(found, expected, rel_tol=RELATIVE if rounded else 0.0)
    return bool(found == expected)


def unequal(found: Column, expected: Column, *, rounded: bool) -> Flags:
    """Where two columns of one length and type differ, by the rule of `same`."""
    differing = found.values != expected.values
    if found.kind == "float64":
        above, below = np.abs(found.values), np.abs(expected.values)
        with np.errstate(invalid="ignore", over="ignore"):
            close = np.abs(found.values - expected.values) <= RELATIVE * np.maximum(above, below)
            finite = np.isfinite(above) & np.isfinite(below)
        differing &= ~(np.isnan(above) & np.isnan(below))
        if rounded:
            differing &= ~(close & finite)
    return np.asarray((found.valid != expected.valid) | (found.valid & expected.valid & differing), np.bool_)
