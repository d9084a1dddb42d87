"""Reducing contiguous windows of sorted rows: sums, extremes, deviations. Linear in rows, logarithmic in a window.

A window is `[low, high)`, positions into arrays sorted by entity and time. Sums of integers are differences of prefix
sums, exact. Everything else goes through blocks of 1, 2, 4 ... rows, of which a window is a union, so that nothing is
ever subtracted and no digit cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.features.columns import Flags, Floats, Integers
from assembly_line.features.exact_sums import LARGE, SCALE, IntegerSums, halves, mark_not_finite, together

Part = NDArray[Any]
Parts = tuple[Part, ...]
Combine = Callable[[Parts, Parts], Parts]

PAIRS_AT_ONCE = 4_000_000


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
    """Sums and means; both 0 for an empty window.

    Twice the precision of float64 is carried, so that the result does not depend on the order of rows. NaN and opposite
    infinities give NaN.
    """
    finite = np.isfinite(values)
    scale = SCALE if finite.any() and np.abs(values[finite]).max() > LARGE else 1.0
    leaf = np.where(finite, values, 0.0) * scale
    head, tail = reduced((leaf, np.zeros_like(leaf)), _add_double, (0.0, 0.0), windows)
    total = head + tail
    sizes = np.maximum(windows.sizes, 1)
    with np.errstate(over="ignore"):
        sums, means = total / scale, total / sizes / scale
    if not finite.all():
        mark_not_finite(values, lambda flags: counted(flags, windows), sums, means)
    return sums, means


def minima(values: Part, windows: Windows) -> Part:
    """Least values, NaN only where there is nothing else. An empty window gives the type's greatest value."""
    return _extremes(values, windows, np.fmin, greatest=True)


def maxima(values: Part, windows: Windows) -> Part:
    """Greatest values, NaN where there is one. An empty window gives the type's least value."""
    return _extremes(values, windows, np.maximum, greatest=False)


def deviations(values: Floats, windows: Windows) -> Floats:
    """Sample standard deviations in two passes over each window, NaN below two rows and where a value is not finite."""
    result = np.full(len(windows.low), np.nan)
    enough = np.flatnonzero(windows.sizes >= 2)
    for chosen in chunks(windows.sizes[enough]):
        some = enough[chosen]
        part = windows.take(some)
        positions, owner = expanded(part)
        _, means = float_sums(values, part)
        with np.errstate(invalid="ignore", over="ignore"):
            gaps = values[positions] - means[owner]
            largest = maxima(np.abs(gaps), packed(part))
            unit = np.where(largest > 0, largest, 1.0)
            gaps /= unit[owner]
            squares, _ = float_sums(gaps * gaps, packed(part))
            rest, _ = float_sums(gaps, packed(part))
            # The second term is what the rounding of the mean left over.
            spread = np.maximum(squares - rest * rest / part.sizes, 0.0)
            result[some] = np.sqrt(spread / (part.sizes - 1)) * unit
    result[counted(~np.isfinite(values), windows) > 0] = np.nan
    return result


def reduced(leaf: Parts, combine: Combine, identity: tuple[float, ...], windows: Windows) -> Parts:
    """Combine the rows of each window; `combine` must not care how rows are bracketed or ordered."""
    decisions = len(windows.low)
    answer = tuple(np.full(decisions, start, part.dtype) for start, part in zip(identity, leaf, strict=True))
    low, high = windows.low.copy(), windows.high.copy()
    level = leaf
    while (active := low < high).any():
        odd = active & (low & 1 == 1)
        _fold(answer, combine, level, odd, low)
        low += odd
        odd = (low < high) & (high & 1 == 1)
        high -= odd
        _fold(answer, combine, level, odd, high)
        low >>= 1
        high >>= 1
        level = _paired(level, combine)
    return answer


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


def _fold(answer: Parts, combine: Combine, level: Parts, chosen: Flags, place: Integers) -> None:
    if not chosen.any():
        return
    at = place[chosen]
    merged = combine(tuple(part[chosen] for part in answer), tuple(part[at] for part in level))
    for part, value in zip(answer, merged, strict=True):
        part[chosen] = value


def _paired(level: Parts, combine: Combine) -> Parts:
    even = len(level[0]) // 2 * 2
    return combine(tuple(part[0:even:2] for part in level), tuple(part[1:even:2] for part in level))


def _add_double(left: Parts, right: Parts) -> Parts:
    """Add numbers that are each an unevaluated sum of two float64 (Knuth's two-sum, renormalised)."""
    total = left[0] + right[0]
    shadow = total - left[0]
    error = (left[0] - (total - shadow)) + (right[0] - shadow) + left[1] + right[1]
    head = total + error
    return head, error - (head - total)
