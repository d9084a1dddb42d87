"""The value of a formula from plain values, term by term: what the expressions of whole columns are held against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from assembly_line.declarations.formulas import ARITHMETIC, COMPARISONS, EXTREMES, LOGIC, Constant, Reference, Term
from assembly_line.features.explain.reference_values import rank

OPERATIONS = (*ARITHMETIC, *COMPARISONS, *EXTREMES, *LOGIC)


def value_of(term: Term, values: Mapping[str, Any]) -> Any:
    """A float, a boolean, or None.

    Args:
        values: feature -> plain value, None where null.
    """
    if isinstance(term, Constant):
        return term.value
    if isinstance(term, Reference):
        value = values[term.name]
        return value if value is None or isinstance(value, bool | str) else float(value) + 0.0
    operands = [value_of(operand, values) for operand in term.operands]
    if term.sign == "is_null":
        return operands[0] is None
    if term.sign == "coalesce":
        return next((value for value in operands if value is not None), None)
    if term.sign == "if":
        condition, value, other = operands
        return None if condition is None else value if condition else other
    if term.sign in OPERATIONS:
        return None if None in operands else _strict(term.sign, operands)
    raise TypeError(f"formula: {term.sign!r} is no operation")


def _strict(sign: str, operands: list[Any]) -> Any:
    if sign in (*EXTREMES, *LOGIC):
        return _of_many(sign, operands)
    if len(operands) == 1:
        return _of_one(sign, operands[0])
    left, right = operands
    ranks = rank(left), rank(right)
    match sign:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return None if right == 0 else left / right
        case "<" | ">=":
            return (ranks[0] < ranks[1]) == (sign == "<")
        case ">" | "<=":
            return (ranks[0] > ranks[1]) == (sign == ">")
        case "==" | "!=":
            return (ranks[0] == ranks[1]) == (sign == "==")
    raise TypeError(f"formula: {sign!r} is no operation of two values")


def _of_many(sign: str, operands: list[Any]) -> Any:
    match sign:
        case "min":
            return min(operands, key=rank)
        case "max":
            return max(operands, key=rank)
        case "and":
            return all(operands)
        case "or":
            return any(operands)
        case "not":
            return not operands[0]
    raise TypeError(f"formula: {sign!r} is no operation of several values")


def _of_one(sign: str, value: Any) -> Any:
    match sign:
        case "abs":
            return abs(value)
        case "negative":
            return -value
        case "log1p":
            if value > -1:
                return math.log1p(value)
            return -math.inf if value == -1 else math.nan
    raise TypeError(f"formula: {sign!r} is no operation of one value")
