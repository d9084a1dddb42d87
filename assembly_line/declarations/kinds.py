"""The type of a feature's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assembly_line.declarations.checks import require
from assembly_line.declarations.derived import Expression, Ratio, with_parts
from assembly_line.declarations.features import Aggregate, Feature, Latest, StaticFeature, Timed
from assembly_line.declarations.formulas import (
    ARITHMETIC,
    COMPARISONS,
    EXTREMES,
    LOGIC,
    Constant,
    Operation,
    Reference,
    Term,
)
from assembly_line.declarations.udfs import UdfFeature

NUMBERS = ("int64", "float64", "decimal")
BOOLEAN, FLOAT = "boolean", "float64"


def kinds_of(features: Mapping[str, Feature], names: Iterable[str]) -> dict[str, str]:
    """Feature -> type of its values, for these features and all that they are made of.

    Raises:
        DeclarationError: a feature is made of what is not declared, of itself, or of values of another type than it
            takes.
    """
    kinds: dict[str, str] = {}
    for name, feature in with_parts(features, names).items():
        if isinstance(feature, Expression):
            kinds[name] = _Typing(feature, kinds).kind(feature.tree)
        elif isinstance(feature, Ratio):
            for part in (feature.numerator, feature.denominator):
                require(kinds[part].startswith(NUMBERS), f"ratio of {part!r}, which is {kinds[part]}, not a number")
            kinds[name] = FLOAT
        else:
            kinds[name] = _kind_over_rows(feature)
    return kinds


def _kind_over_rows(feature: Timed | StaticFeature) -> str:
    if isinstance(feature, Latest | StaticFeature):
        return feature.source.columns[feature.column]
    if isinstance(feature, UdfFeature):
        return feature.returns
    if not isinstance(feature, Aggregate) or feature.kind in ("mean", "stddev"):
        return FLOAT
    if feature.column is None or feature.kind == "distinct":
        return "int64"
    if feature.kind in ("sum", "min", "max", "first", "last"):
        kind = feature.source.columns[feature.column]
        decimal = kind.startswith("decimal") and feature.kind == "sum"
        return f"decimal(38,{kind.removesuffix(')').partition(',')[2]})" if decimal else kind
    raise TypeError(f"{feature.kind} is no aggregate")


class _Typing:
    """The types of one formula's terms."""

    def __init__(self, expression: Expression, kinds: Mapping[str, str]) -> None:
        self._kinds = kinds
        self._place = f"formula {expression.formula!r}"

    def kind(self, term: Term) -> str:
        """`float64` or `boolean`; any type for a bare reference that only `is_null` takes."""
        if isinstance(term, Constant):
            return BOOLEAN if isinstance(term.value, bool) else FLOAT
        if isinstance(term, Reference):
            kind = self._kinds[term.name]
            return FLOAT if kind.startswith(NUMBERS) else kind
        return self._of_operation(term)

    def _of_operation(self, term: Operation) -> str:
        if term.sign == "is_null":
            self.kind(term.operands[0])
            return BOOLEAN
        if term.sign in LOGIC:
            self._all(BOOLEAN, term.sign, term.operands)
            return BOOLEAN
        if term.sign in (*ARITHMETIC, *EXTREMES):
            self._all(FLOAT, term.sign, term.operands)
            return FLOAT
        if term.sign not in ("if", "coalesce", *COMPARISONS):
            raise TypeError(f"{self._place}: {term.sign!r} is no operation")
        values = term.operands
        if term.sign == "if":
            condition, *branches = term.operands
            self._all(BOOLEAN, "the condition of if", (condition,))
            values = tuple(branches)
        kind = self.kind(values[0])
        known = kind if kind == BOOLEAN and term.sign not in COMPARISONS[:4] else FLOAT
        self._all(known, term.sign, values)
        return BOOLEAN if term.sign in COMPARISONS else known

    def _all(self, expected: str, sign: str, operands: tuple[Term, ...]) -> None:
        word = "a number" if expected == FLOAT else "a boolean"
        for operand in operands:
            found = self.kind(operand)
            require(found == expected, f"{self._place}: {operand} is {found}; {sign} takes {word} there")
