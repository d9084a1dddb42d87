"""One aggregate of windows of rows: nulls ignored, NaN above all, integers and decimals exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, assert_never

import numpy as np

from assembly_line.declarations.features import AggregateKind
from assembly_line.features.kernel.exact_sums import IntegerSums
from assembly_line.features.kernel.reductions import (
    IntegerPrefixes,
    Part,
    Windows,
    float_sums,
    maxima,
    minima,
    prefix_sums,
    stddevs,
)
from assembly_line.features.values.columns import Column, Flags, Floats, Integers, decimal_scale


class Reduction(Protocol):
    """The values, without nulls, of the rows that each decision looks at.

    Args:
        column: of all rows.
        sizes: how many values each decision looks at.
    """

    @property
    def column(self) -> Column: ...

    @property
    def sizes(self) -> Integers: ...

    def integer_sums(self) -> IntegerSums:
        """Exact sums of a column of integers."""

    def float_sums(self) -> tuple[Floats, Floats]:
        """Sums and means of a column of floats."""

    def extremes(self, values: Part, *, greatest: bool) -> Part:
        """Extremes of other values of the same rows; anything where there is none."""


class Values:
    """A column as windows are reduced over it: without its nulls, and with what several windows share kept."""

    def __init__(self, column: Column) -> None:
        whole = bool(column.valid.all())
        # Nulls are ignored: they are left out, and the windows move accordingly.
        self._before = None if whole else prefix_sums(column.valid)
        self.column = column if whole else column.take(np.flatnonzero(column.valid))

    def over(self, windows: Windows) -> OverWindows:
        """The values in windows over the rows."""
        if self._before is not None:
            windows = Windows(self._before[windows.low], self._before[windows.high])
        return OverWindows(self, windows)

    @cached_property
    def prefixes(self) -> IntegerPrefixes:
        return IntegerPrefixes(self.column.values)


@dataclass(frozen=True, slots=True)
class OverWindows:
    """Values in ranges of positions."""

    values: Values
    windows: Windows

    @property
    def column(self) -> Column:
        return self.values.column

    @property
    def sizes(self) -> Integers:
        return self.windows.sizes

    def integer_sums(self) -> IntegerSums:
        return self.values.prefixes.sums(self.windows)

    def float_sums(self) -> tuple[Floats, Floats]:
        return float_sums(self.column.values, self.windows)

    def extremes(self, values: Part, *, greatest: bool) -> Part:
        return (maxima if greatest else minima)(values, self.windows)


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
        return counts_column(windows.sizes if values is None else distinct())
    over = values.over(windows)
    return stddev_of(over) if kind == "stddev" else reduced_column(place, kind, over)


def stddev_of(over: OverWindows) -> Column:
    """The sample standard deviation of each window; null below two values."""
    return Column("float64", stddevs(as_float(over.column), over.windows), over.sizes >= 2)


def counts_column(counts: Integers) -> Column:
    """Counts, which are never null."""
    return Column("int64", counts, np.ones(len(counts), np.bool_))


def reduced_column(place: str, kind: AggregateKind, over: Reduction) -> Column:
    """A sum, mean or extreme of what each decision looks at.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    some = over.sizes > 0
    match kind:
        case "min":
            return _extreme(over, some, greatest=False)
        case "max":
            return _extreme(over, some, greatest=True)
        case "sum":
            return _sums(place, over, some)
        case "mean":
            return _means(over, some)
        case "count" | "distinct" | "first" | "last" | "stddev":
            raise ValueError(f"{place}: {kind} is none of the aggregates of values one by one")
        case _:
            assert_never(kind)


def _sums(place: str, over: Reduction, some: Flags) -> Column:
    if over.column.kind == "float64":
        return Column("float64", over.float_sums()[0], some)
    scale = decimal_scale(over.column.kind)
    exact = over.integer_sums().as_int64(place)
    return Column("int64" if scale is None else f"decimal(38,{scale})", exact, some)


def _means(over: Reduction, some: Flags) -> Column:
    if over.column.kind == "float64":
        return Column("float64", over.float_sums()[1], some)
    unit = 10.0 ** (decimal_scale(over.column.kind) or 0)
    return Column("float64", over.integer_sums().as_float() / np.maximum(over.sizes, 1) / unit, some)


def _extreme(over: Reduction, some: Flags, *, greatest: bool) -> Column:
    column = over.column
    if column.kind == "float64":
        return Column("float64", over.extremes(column.values + 0.0, greatest=greatest), some)
    if column.kind not in ("string", "boolean"):
        return Column(column.kind, over.extremes(column.values, greatest=greatest), some)
    # Strings and booleans are compared by rank, then looked up.
    ranks = column.ranks()
    found, first = np.unique(ranks, return_index=True)
    place = np.searchsorted(found, over.extremes(ranks, greatest=greatest))
    return column.take(first).take(np.where(some, place, -1))


def as_float(column: Column) -> Floats:
    """Numbers as float64; a decimal in its own unit."""
    scale = decimal_scale(column.kind)
    values: Floats = column.values.astype(np.float64)
    return values if not scale else values / 10.0**scale
