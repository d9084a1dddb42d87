"""Which rows a predicate is true for, over whole columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np

from assembly_line.declarations.predicates import AllOf, Among, AnyOf, Comparison, IsNull, Negation, Predicate, Scalar
from assembly_line.features.values.columns import Column, Flags, decimal_scale
from assembly_line.features.values.semantics import EPOCH_DAY
from assembly_line.instants import to_micros


@dataclass(frozen=True, slots=True)
class Truth:
    """Where something is true and where it is false; elsewhere it is unknown."""

    true: Flags
    false: Flags


def rows_where(predicate: Predicate, columns: Mapping[str, Column]) -> Flags:
    """Which rows the predicate is true for.

    Args:
        predicate: its values are of the columns' types.
        columns: at least those it looks at.
    """
    return truth_of(predicate, columns).true


def truth_of(predicate: Predicate, columns: Mapping[str, Column]) -> Truth:
    """Where the predicate is true and where it is false, as `rows_where`."""
    match predicate:
        case AllOf(parts=parts):
            return reduce(_both, (truth_of(part, columns) for part in parts))
        case AnyOf(parts=parts):
            return _not(reduce(_both, (_not(truth_of(part, columns)) for part in parts)))
        case Negation(part=part):
            return _not(truth_of(part, columns))
        case IsNull(column=name):
            return Truth(~columns[name].valid, columns[name].valid)
        case Comparison(column=name, operator=operator, value=value):
            return _of_known(columns[name], lambda known: _compared(known, operator, value))
        case Among(column=name, values=values):
            return _of_known(columns[name], lambda known: _one_of(known, values))
    raise TypeError(f"expected a predicate, got {type(predicate).__name__}")


def _both(left: Truth, right: Truth) -> Truth:
    return Truth(left.true & right.true, left.false | right.false)


def _not(truth: Truth) -> Truth:
    return Truth(truth.false, truth.true)


def _of_known(column: Column, test: Callable[[Column], Flags]) -> Truth:
    """The truth of a test of values; of nulls it is unknown, and what stands under them is not looked at."""
    true = np.zeros(len(column), np.bool_)
    true[column.valid] = test(column.take(np.flatnonzero(column.valid)))
    return Truth(true, column.valid & ~true)


def _compared(column: Column, operator: str, value: Scalar) -> Flags:
    """The comparison of every value. NaN is one value, above all others."""
    sought = physical_value(column.kind, value)
    values = column.values
    if column.kind == "float64" and math.isnan(sought):
        equal = np.isnan(values)
        less = ~equal
    else:
        # No comparison of a NaN with a number is true: it is neither equal nor less.
        equal, less = values == sought, values < sought
    equal, less = np.asarray(equal, np.bool_), np.asarray(less, np.bool_)
    meaning = {"==": equal, "!=": ~equal, "<": less, "<=": less | equal, ">": ~(less | equal), ">=": ~less}
    return np.asarray(meaning[operator], np.bool_)


def _one_of(column: Column, values: tuple[Scalar, ...]) -> Flags:
    sought = [physical_value(column.kind, value) for value in values]
    if column.kind == "string":
        wanted = frozenset(sought)
        return np.fromiter((value in wanted for value in column.values.tolist()), np.bool_, len(column))
    found = np.isin(column.values, np.array(sought, column.values.dtype))
    if column.kind == "float64" and any(map(math.isnan, sought)):
        found |= np.isnan(column.values)
    return np.asarray(found, np.bool_)


def physical_value(kind: str, value: Scalar) -> Any:
    """A value of a declared type as columns hold it: see `columns`."""
    scale = decimal_scale(kind)
    if scale is not None and isinstance(value, Decimal):
        return int(value.scaleb(scale))
    if isinstance(value, datetime):
        return to_micros(value)
    if isinstance(value, date):
        return (value - EPOCH_DAY).days
    return value
