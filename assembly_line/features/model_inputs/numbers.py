"""A column as floating numbers, missing where a model is to see nothing. The forms are those of `Encoding`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from assembly_line.encoding import KIND_OF_TYPE, LARGEST, Kind
from assembly_line.errors import RequestRefused
from assembly_line.features.values.columns import Column, Floats, Integers, decimal_scale
from assembly_line.instants import DAY_MICROS

# Whole numbers up to here are exact as floats, and so is the quotient of two of them rounded once.
EXACT = 1 << 53
UNSEEN = -2
NULL = -1


def kind_of(column: Column) -> Kind:
    """What form the values have, by their declared type."""
    return KIND_OF_TYPE.get(column.kind, "number")


def numbers_of(name: str, column: Column) -> Floats:
    """Numbers, booleans as 0 and 1, times as days since 1970-01-01 in UTC. NaN where null; infinities are bounded.

    Args:
        name: of the column, for errors.

    Raises:
        RequestRefused: a number has digits that a float64 has no place for.
        ValueError: the column holds strings, which have no number of their own.
    """
    if column.kind == "string":
        raise ValueError("strings have no number of their own; expected their places among categories")
    _require_exact(name, column)
    values = _floats(column)
    values[~column.valid] = np.nan
    return np.clip(values, -LARGEST, LARGEST, out=values)


def places_of(column: Column, categories: Sequence[str]) -> Integers:
    """Each string's place among the categories; NULL where there is none, UNSEEN where it is not among them."""
    index = {category: place for place, category in enumerate(categories)}
    pairs = zip(column.values.tolist(), column.valid.tolist(), strict=True)
    places = (index.get(value, UNSEEN) if valid else NULL for value, valid in pairs)
    return np.fromiter(places, np.int64, len(column))


def categories_of(column: Column) -> tuple[str, ...]:
    """The different strings, by code point."""
    return tuple(sorted(set(column.values[column.valid].tolist())))


def is_exact(number: int | Decimal) -> bool:
    """Whether a float64 is the number, or shows the same digits."""
    found = float(number)
    return found == number or Decimal(repr(found)) == number


def _require_exact(name: str, column: Column) -> None:
    scale = 0 if column.kind == "int64" else decimal_scale(column.kind)
    if scale is None:
        return
    large = np.flatnonzero(column.valid & ((column.values > EXACT) | (column.values < -EXACT)))
    numbers = [Decimal(value).scaleb(-scale) for value in column.values[large].tolist()]
    lost = [number for number in numbers if not is_exact(number)]
    if lost:
        raise RequestRefused(
            f"model: column {name} is {column.kind}, and {len(lost)} of its values have more digits than the float64 "
            "that a model reads; declare it string if it names something, or compute it in a coarser unit",
            where=f"model: column {name}",
            value=f"{len(lost)} values of {column.kind} with too many digits",
            expected="values that float64 holds exactly",
        )


def _floats(column: Column) -> Floats:
    scale = decimal_scale(column.kind)
    if column.kind == "timestamp":
        return _quotient(column.values, DAY_MICROS)
    if scale is None:
        return column.values.astype(np.float64)
    exact = _quotient(column.values, 10**scale)
    for row in np.flatnonzero(np.abs(column.values) > EXACT).tolist():
        exact[row] = float(Decimal(int(column.values[row])).scaleb(-scale))
    return exact


def _quotient(values: Integers, divisor: int) -> Floats:
    return np.asarray(values.astype(np.float64) / divisor, np.float64)
