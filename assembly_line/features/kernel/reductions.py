"""Reducing contiguous windows of sorted rows: sums, extremes, deviations. Linear in rows, logarithmic in a window.

A window is `[low, high)`, positions into arrays sorted by entity and time. Sums are differences of prefix sums of
integers, which are exact: floats are cut into such integers. Extremes go through blocks of 1, 2, 4 ... rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.features.kernel import exact_sums
from assembly_line.features.kernel.exact_sums import IntegerSums, halves, together
from assembly_line.features.values.columns import Flags, Floats, Integers

Part = NDArray[Any]

PAIRS_AT_ONCE = 4_000_000
# Numbers from -1 to 1 are summed as multiples of 1 / UNIT.
UNIT = 2.0**62
# Gaps between numbers below this and their mean do not overflow.
HUGE = 2.0**1022


@dataclass(frozen=True, slots=True)
class Windows:
    """`low` and `high` of shape (decisions,), int64, with low <= high."""

    low: Integers
    high: Integers

    @property
    def sizes(self) -> Integers:
        return self.high - self.low

    def take(self, decisions: Flags | Integers) -> Windows:
        return Windows(self.low[decisions], self.high[decisions])

    def emptied(self, decisions: Integers) -> Windows:
        """The same windows, but those of these decisions without a row."""
        if not len(decisions):
            return self
        high = self.high.copy()
        high[decisions] = self.low[decisions]
        return Windows(self.low, high)


def counted(flags: Flags | Integers, windows: Windows) -> Integers:
    """How many rows of each window are flagged."""
    prefix = prefix_sums(flags)
    return np.asarray(prefix[windows.high] - prefix[windows.low])


class IntegerPrefixes:
    """Prefix sums of integers, from which the exact sum of any window is read, whatever the values.

    Where a sum of all of them might leave 64 bits, the two halves of each number are summed apart.
    """

    def __init__(self, values: Integers) -> None:
        self._prefixes = [prefix_sums(part) for part in halves(values)]

    def sums(self, windows: Windows) -> IntegerSums:
        """The sum of each window."""
        return together(tuple(prefix[windows.high] - prefix[windows.low] for prefix in self._prefixes))


def integer_sums(values: Integers, windows: Windows) -> IntegerSums:
    """Exact sums of each window."""
    return IntegerPrefixes(values).sums(windows)


def float_sums(values: Floats, windows: Windows) -> tuple[Floats, Floats]:
    """Sums and means; both 0 for an empty window. NaN and opposite infinities give NaN."""
    return exact_sums.float_sums(values, lambda part: counted(part, windows), windows.sizes)


def minima(values: Part, windows: Windows) -> Part:
    """Least values, NaN only where there is nothing else. An empty window gives the type's greatest value."""
    return _extremes(values, windows, np.fmin, greatest=True)


def maxima(values: Part, windows: Windows) -> Part:
    """Greatest values, NaN where there is one. An empty window gives the type's least value."""
    return _extremes(values, windows, np.maximum, greatest=False)


def stddevs(values: Floats, windows: Windows) -> Floats:
    """Sample standard deviations in two passes over each window, NaN below two rows and where a value is not finite."""
    result = np.full(len(windows.low), np.nan)
    enough = np.flatnonzero(windows.sizes >= 2)
    _, means = float_sums(values, windows)
    # Gaps between halves never overflow.
    scales = np.where(counted(np.abs(values) >= HUGE, windows) > 0, 0.5, 1.0)
    for chosen in chunks(windows.sizes[enough]):
        some = enough[chosen]
        part = windows.take(some)
        positions, owner = expanded(part)
        scale = scales[some]
        with np.errstate(invalid="ignore", over="ignore"):
            gaps = values[positions] * scale[owner] - (means[some] * scale)[owner]
            result[some] = _spread(gaps, owner, packed(part)) / scale
    result[counted(~np.isfinite(values), windows) > 0] = np.nan
    return result


def _spread(gaps: Floats, owner: Integers, windows: Windows) -> Floats:
    """Sample standard deviations from the gaps between values and their rounded means."""
    largest = maxima(np.abs(gaps), windows)
    unit = np.where(largest > 0, largest, 1.0)
    gaps = gaps / unit[owner]
    squares, rest = (
        integer_sums((part * UNIT).astype(np.int64), windows).as_float() / UNIT for part in (gaps * gaps, gaps)
    )
    # The second term is what the rounding of the mean left over.
    spread = np.maximum(squares - rest * rest / windows.sizes, 0.0)
    return np.asarray(np.sqrt(spread / (windows.sizes - 1)) * unit)


def expanded(windows: Windows) -> tuple[Integers, Integers]:
    """Every row of every window: (position of the row, number of the window), window by window."""
    sizes = windows.sizes
    owner = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return windows.low[owner] + within, owner


def packed(windows: Windows) -> Windows:
    """The windows over rows laid out as `expanded` gives them."""
    ends = np.cumsum(windows.sizes)
    return Windows(ends - windows.sizes, ends)


def chunks(sizes: Integers) -> Iterator[slice]:
    """Consecutive slices of windows whose sizes sum to about PAIRS_AT_ONCE at most, so that memory stays bounded."""
    ends = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + PAIRS_AT_ONCE, "right")))
        yield slice(start, stop)
        start = stop


def prefix_sums(values: Flags | Integers) -> Integers:
    """The sums of the first 0, 1, 2 ... values; one more than there are values."""
    prefix = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=prefix[1:])
    return prefix


def nothing(values: Part, *, greatest: bool) -> float:
    """The type's greatest or least value. NaN is above infinity: fmin prefers any number to it."""
    if values.dtype == np.float64:
        return np.nan if greatest else -np.inf
    bounds = np.iinfo(np.int64)
    return bounds.max if greatest else bounds.min


def _extremes(values: Part, windows: Windows, pick: np.ufunc, *, greatest: bool) -> Part:
    """A window is covered by two blocks of 2**n rows that may overlap: an extreme does not mind what it sees twice."""
    answer = np.full(len(windows.low), nothing(values, greatest=greatest), values.dtype)
    exponents = np.frexp(windows.sizes.astype(np.float64))[1] - 1
    level = values
    for exponent in range(int(exponents.max(initial=-1)) + 1):
        if exponent:
            half = 1 << (exponent - 1)
            level = pick(level[:-half], level[half:])
        chosen = np.flatnonzero(exponents == exponent)
        if len(chosen):
            low, last = windows.low[chosen], windows.high[chosen] - (1 << exponent)
            answer[chosen] = level[low] if exponent == 0 else pick(level[low], level[last])
    return answer
