"""One aggregate of windows of rows: nulls ignored, NaN above all, integers and decimals exact."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.features import AggregateKind
from assembly_line.features.columns import Column, Flags, Floats, Integers, decimal_scale
from assembly_line.features.reductions import (
    IntegerPrefixes,
    Windows,
    deviations,
    float_sums,
    maxima,
    minima,
    prefix_sums,
)


class Values:
    """A column as windows are reduced over it: without its nulls, and with what several windows share kept."""

    def __init__(self, column: Column) -> None:
        whole = bool(column.valid.all())
        # Nulls are ignored: they are left out, and the windows move accordingly.
        self._before = None if whole else prefix_sums(column.valid)
        self.column = column if whole else column.take(np.flatnonzero(column.valid))

    def moved(self, windows: Windows) -> Windows:
        """Windows over the rows as windows over the values that are not null."""
        return windows if self._before is None else Windows(self._before[windows.low], self._before[windows.high])

    @cached_property
    def prefixes(self) -> IntegerPrefixes:
        return IntegerPrefixes(self.column.values)


def aggregate_of(
    place: str, kind: AggregateKind, values: Values | None, windows: Windows, distinct: Callable[[], Integers]
) -> Column:
    """One aggregate of each window; every row in a window counts.

    Args:
        place: names the feature in errors.
        values: the values of the rows; None to count rows.
        distinct: counts the different values that are not null, window by window.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    if values is None or kind == "distinct":
        counts = windows.sizes if values is None else distinct()
        return Column("int64", counts, np.ones(len(counts), np.bool_))
    windows, column = values.moved(windows), values.column
    some = windows.sizes > 0
    match kind:
        case "min":
            return _extreme(minima, column, windows, some)
        case "max":
            return _extreme(maxima, column, windows, some)
        case "stddev":
            return Column("float64", deviations(as_float(column), windows), windows.sizes >= 2)
        case "sum":
            return _sums(place, values, windows, some)
        case "mean":
            return _means(values, windows, some)
        case "count" | "first" | "last":
            raise ValueError(f"{place}: {kind} is none of the aggregates of values")
        case _:
            assert_never(kind)


def _sums(place: str, values: Values, windows: Windows, some: Flags) -> Column:
    column = values.column
    if column.kind == "float64":
        return Column("float64", float_sums(column.values, windows)[0], some)
    scale = decimal_scale(column.kind)
    exact = values.prefixes.sums(windows).as_int64(place)
    return Column("int64" if scale is None else f"decimal(38,{scale})", exact, some)


def _means(values: Values, windows: Windows, some: Flags) -> Column:
    column = values.column
    if column.kind == "float64":
        return Column("float64", float_sums(column.values, windows)[1], some)
    unit = 10.0 ** (decimal_scale(column.kind) or 0)
    exact = values.prefixes.sums(windows).as_float()
    return Column("float64", exact / np.maximum(windows.sizes, 1) / unit, some)


def _extreme(
    reduce: Callable[[NDArray[Any], Windows], NDArray[Any]], column: Column, windows: Windows, some: Flags
) -> Column:
    if column.kind == "float64":
        return Column("float64", reduce(column.values + 0.0, windows), some)
    if column.kind not in ("string", "boolean"):
        return Column(column.kind, reduce(column.values, windows), some)
    # Strings and booleans are compared by rank, then looked up.
    ranks = column.ranks()
    values = column.take(np.unique(ranks, return_index=True)[1])
    place = np.searchsorted(np.unique(ranks), reduce(ranks, windows))
    return values.take(np.where(some, place, -1))


def as_float(column: Column) -> Floats:
    """Numbers as float64; a decimal in its own unit."""
    scale = decimal_scale(column.kind)
    values: Floats = column.values.astype(np.float64)
    return values if not scale else values / 10.0**scale
