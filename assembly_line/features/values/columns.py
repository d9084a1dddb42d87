"""One column in memory: typed values and which of them are null. What the engines and the kernel exchange.

Physical values: int64 for int64, timestamp (microseconds), date (days since 1970-01-01) and decimal(p,s) (units of
10^-s); float64; bool; and objects (str) for string. Values under a null are arbitrary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
# Unscaled values are kept in 64 bits.
DECIMAL_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one declared type, with `valid` False where null. Both of shape (rows,)."""

    kind: str
    values: NDArray[Any]
    valid: Flags

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Integers) -> Column:
        """The values at these positions; a negative position gives null."""
        if len(self) == 0:
            return null_column(self.kind, len(rows))
        if not len(rows) or rows.min() >= 0:
            return Column(self.kind, self.values[rows], self.valid[rows])
        found = rows >= 0
        safe = np.where(found, rows, 0)
        return Column(self.kind, self.values[safe], self.valid[safe] & found)

    def of_length(self, rows: int) -> Column:
        """A column of this type, to be filled."""
        return Column(self.kind, np.empty(rows, self.values.dtype), np.empty(rows, np.bool_))

    def slice(self, start: int, stop: int) -> Column:
        """The values at these positions, without a copy."""
        return Column(self.kind, self.values[start:stop], self.valid[start:stop])

    def sort_keys(self) -> Integers:
        """Integers that compare as `ranks` do, at less cost where the values are integers without a null."""
        return self.values if self.values.dtype == np.int64 and self.valid.all() else self.ranks()

    def ranks(self) -> Integers:
        """Order of the values as integers: null lowest, -0.0 as 0.0, NaN greatest, strings by code point."""
        ranks = np.zeros(len(self), np.int64)
        if self.kind == "string":
            ranks[self.valid] = _string_ranks(self.values[self.valid]) + 1
        elif self.kind == "float64":
            # np.unique keeps one NaN, and sorts it last.
            ranks[self.valid] = np.unique(self.values[self.valid] + 0.0, return_inverse=True)[1] + 1
        else:
            ranks[self.valid] = np.unique(self.values[self.valid], return_inverse=True)[1] + 1
        return ranks


def column_of(kind: str, values: Sequence[Any]) -> Column:
    """A column of physical Python values, None where null."""
    valid = np.array([value is not None for value in values], np.bool_)
    filled = [_filler(kind) if value is None else value for value in values]
    return Column(kind, np.array(filled, dtype_of(kind)), valid)


def null_column(kind: str, rows: int) -> Column:
    values = np.full(rows, _filler(kind), dtype_of(kind))
    return Column(kind, values, np.zeros(rows, np.bool_))


def concatenated(kind: str, parts: Sequence[Column]) -> Column:
    """Several columns of one kind as one, in order."""
    if not parts:
        return null_column(kind, 0)
    return Column(kind, np.concatenate([part.values for part in parts]), np.concatenate([part.valid for part in parts]))


def dtype_of(kind: str) -> np.dtype[Any]:
    """How values of a declared type are held."""
    return np.dtype({"float64": np.float64, "boolean": np.bool_, "string": np.object_}.get(kind, np.int64))


def decimal_scale(kind: str) -> int | None:
    """Digits after the point of `decimal(p,s)`; None for other types."""
    found = DECIMAL.fullmatch(kind)
    return int(found.group(2)) if found else None


def _filler(kind: str) -> Any:
    return "" if kind == "string" else 0


def _string_ranks(values: NDArray[Any]) -> Integers:
    places = {value: place for place, value in enumerate(sorted(set(values.tolist())))}
    return np.fromiter((places[value] for value in values.tolist()), np.int64, len(values))
