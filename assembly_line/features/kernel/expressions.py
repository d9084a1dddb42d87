"""Expressions over features that are there: whole columns at once, null and NaN by the rules of `Expression`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.declarations.formulas import Constant, Operation, Reference, Term
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.values.columns import Column, Flags

Values = NDArray[Any]


def expression_of(tree: Term, values: Mapping[str, Column], rows: int) -> Column:
    """The value of a checked formula for each row.

    Args:
        values: feature -> column of so many rows; those that the formula refers to.
    """
    found = _Rows(values, rows).term(tree)
    if found.kind == "boolean":
        return found
    return Column("float64", np.where(found.valid, found.values + 0.0, 0.0), found.valid)


class _Rows:
    """The terms of a formula over columns of one length: float64 or boolean, but for what only `is_null` takes."""

    def __init__(self, values: Mapping[str, Column], rows: int) -> None:
        self._values = values
        self._rows = rows

    def term(self, term: Term) -> Column:
        if isinstance(term, Constant):
            kind = "boolean" if isinstance(term.value, bool) else "float64"
            return Column(kind, np.full(self._rows, term.value), np.ones(self._rows, np.bool_))
        if isinstance(term, Reference):
            column = self._values[term.name]
            number = column.kind.startswith(("int64", "float64", "decimal"))
            return Column("float64", as_float(column), column.valid) if number else column
        return _operation(term, [self.term(operand) for operand in term.operands])


def _operation(term: Operation, operands: list[Column]) -> Column:
    if term.sign == "is_null":
        return Column("boolean", ~operands[0].valid, np.ones(len(operands[0]), np.bool_))
    if term.sign == "coalesce":
        return reduce(lambda first, other: _chosen(first.valid, first, other), operands)
    if term.sign == "if":
        condition, value, other = operands
        found = _chosen(condition.values & condition.valid, value, other)
        return Column(found.kind, found.values, found.valid & condition.valid)
    if term.sign in ONE or term.sign in TWO:
        return _strict(term.sign, operands)
    raise TypeError(f"formula: {term.sign!r} is no operation")


def _strict(sign: str, operands: list[Column]) -> Column:
    """An operation that is null where one of its operands is."""
    valid = np.logical_and.reduce([operand.valid for operand in operands])
    first, *others = [operand.values for operand in operands]
    if sign == "/":
        valid = valid & (others[0] != 0)
        others = [np.where(valid, others[0], 1.0)]
    with np.errstate(all="ignore"):
        values = ONE[sign](first) if not others else reduce(TWO[sign], others, first)
    return Column("boolean" if values.dtype == np.bool_ else "float64", values, valid)


def _chosen(first: Flags, value: Column, other: Column) -> Column:
    """Of two columns the value where flagged, else the other."""
    return Column(value.kind, np.where(first, value.values, other.values), np.where(first, value.valid, other.valid))


def _less(left: Values, right: Values) -> Flags:
    """NaN is greater than all, and not less than itself."""
    return np.asarray((left < right) | (_is_nan(right) & ~_is_nan(left)))


def _equal(left: Values, right: Values) -> Flags:
    return np.asarray((left == right) | (_is_nan(left) & _is_nan(right)))


def _is_nan(values: Values) -> Flags:
    return np.asarray(values != values)  # noqa: PLR0124 - of numbers and booleans alike, true for NaN alone


ONE: dict[str, Callable[[Values], Values]] = {
    "negative": np.negative,
    "abs": np.abs,
    "log1p": np.log1p,
    "not": np.logical_not,
}
TWO: dict[str, Callable[[Values, Values], Values]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "min": lambda left, right: np.where(_less(right, left), right, left),
    "max": lambda left, right: np.where(_less(left, right), right, left),
    "<": _less,
    "<=": lambda left, right: ~_less(right, left),
    ">": lambda left, right: _less(right, left),
    ">=": lambda left, right: ~_less(left, right),
    "==": _equal,
    "!=": lambda left, right: ~_equal(left, right),
    "and": np.logical_and,
    "or": np.logical_or,
}
