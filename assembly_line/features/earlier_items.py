"""Different items in windows of any width: rows whose item did not appear before in the same window.

A row's item appeared before iff the previous row of that item and entity lies in the window too. So the different items
of a window are its rows whose previous appearance lies before it: a count over positions, which a wavelet matrix
answers in one step for each bit of a position, however windows overlap.
"""

from __future__ import annotations

import numpy as np

from assembly_line.features.columns import Column, Flags, Integers
from assembly_line.features.kernel import History, repeated
from assembly_line.features.reductions import Windows, prefix_sums


class EarlierItems:
    """Counts different values of a column in windows over a history; nulls do not count."""

    def __init__(self, history: History, column: Column) -> None:
        self._before: Integers | None = None
        entities, items = history.entities, column.sort_keys()
        if not column.valid.all():
            self._before = prefix_sums(column.valid)
            entities, items = entities[column.valid], items[column.valid]
        # One more than the position of the item's previous row; 0 where there is none.
        previous = np.zeros(len(items), np.int64)
        row, later = repeated(entities, items)
        previous[later] = row + 1
        self._previous = WaveletMatrix(previous)

    def count(self, windows: Windows) -> Integers:
        """How many different values each window holds."""
        if self._before is not None:
            windows = Windows(self._before[windows.low], self._before[windows.high])
        return self._previous.counted_below(windows, windows.low + 1)


class WaveletMatrix:
    """Numbers by position; answers how many of them, in a range of positions, are below a bound.

    Rows are parted by one bit after the other, the highest first, zeros before ones, each keeping their order: a range
    of rows then is a range again within either, found by counting zeros.
    """

    def __init__(self, numbers: Integers) -> None:
        self._bits = max(int(numbers.max(initial=0)), len(numbers) + 1).bit_length()
        self._zeros: list[Integers] = []
        for bit in reversed(range(self._bits)):
            one: Flags = (numbers >> bit) & 1 == 1
            self._zeros.append(prefix_sums(~one))
            numbers = np.concatenate((numbers[~one], numbers[one]))

    def counted_below(self, ranges: Windows, bounds: Integers) -> Integers:
        """How many numbers of each range of positions are below its bound, which is at most one above their count."""
        low, high = ranges.low, ranges.high
        found = np.zeros(len(low), np.int64)
        for bit, zeros in zip(reversed(range(self._bits)), self._zeros, strict=True):
            low_zeros, high_zeros = zeros[low], zeros[high]
            one = (bounds >> bit) & 1 == 1
            found += np.where(one, high_zeros - low_zeros, 0)
            ones_begin = zeros[-1]
            low = np.where(one, ones_begin + low - low_zeros, low_zeros)
            high = np.where(one, ones_begin + high - high_zeros, high_zeros)
        return found
