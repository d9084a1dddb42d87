"""Predicates: which events of a source a feature is about. `column(...)` begins one; `&`, `|` and `~` combine them.

Null is unknown, as in SQL: a comparison with it is neither true nor false, `~` of unknown is unknown, and `&` and `|`
are known where one side alone decides. An event counts only where its predicate is true. Values compare as they do
everywhere: strings by code point, NaN equal to itself and greater than all, -0.0 equal to 0.0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Literal, get_args

from assembly_line.declarations.checks import check_name, require
from assembly_line.declarations.sources import Source
from assembly_line.declarations.typed import typed
from assembly_line.errors import DeclarationError

Scalar = str | int | float | bool | Decimal | date | datetime
Operator = Literal["==", "!=", "<", "<=", ">", ">="]
OPERATORS = get_args(Operator)
# Decimals are kept as units in 64 bits.
DECIMAL_DIGITS = 18
INT64 = range(-(2**63), 2**63)
TAKES = {
    "int64": "an int of 64 bits",
    "float64": "a float, or an int that a float holds exactly",
    "string": "a str of valid Unicode",
    "boolean": "a bool",
    "date": "a date without a time",
    "timestamp": "a datetime with a zone",
}


class Predicate(ABC):
    """True, false or unknown of an event. Combine with `&`, `|`, `~`, never with `and`, `or`, `not`."""

    __slots__ = ()

    def __and__(self, other: Predicate) -> Predicate:
        return AllOf(parts=(*_flat(AllOf, self), *_flat(AllOf, other)))

    def __or__(self, other: Predicate) -> Predicate:
        return AnyOf(parts=(*_flat(AnyOf, self), *_flat(AnyOf, other)))

    def __invert__(self) -> Predicate:
        return Negation(part=self)

    def __bool__(self) -> bool:
        raise DeclarationError(
            "a predicate has no truth of its own: combine with & | ~ instead of and, or, not, and put each comparison "
            'in parentheses: (column("a") == 1) & (column("b") > 2)'
        )

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Columns that it looks at, each once."""

    @abstractmethod
    def typed(self, place: str, source: Source) -> Predicate:
        """The same predicate with every value in the form of its column's type.

        Raises:
            DeclarationError: a column is not declared, or a value is not of its type.
        """


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison(Predicate):
    """A column compared with a value; unknown where the column is null."""

    column: str
    operator: Operator
    value: Scalar

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def typed(self, place: str, source: Source) -> Comparison:
        kind = source.check_column(place, self.column)
        value = _typed(f"{place}: {self.column} {self.operator}", kind, self.value)
        return Comparison(column=self.column, operator=self.operator, value=value)


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Among(Predicate):
    """A column is one of some values; unknown where the column is null."""

    column: str
    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        require(bool(self.values), f"predicate on {self.column}: isin of no values is never true; name at least one")

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def typed(self, place: str, source: Source) -> Among:
        """As of each; in order and each once, so that equal sets are equal predicates."""
        kind = source.check_column(place, self.column)
        found = {_typed(f"{place}: {self.column} isin", kind, value) for value in self.values}
        return Among(column=self.column, values=tuple(sorted(found, key=_order)))


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class IsNull(Predicate):
    """A column is null: always true or false."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def typed(self, place: str, source: Source) -> IsNull:
        source.check_column(place, self.column)
        return self


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(Predicate):
    """True where every part is, false where one is."""

    parts: tuple[Predicate, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return _columns_of(self.parts)

    def typed(self, place: str, source: Source) -> AllOf:
        return AllOf(parts=tuple(part.typed(place, source) for part in self.parts))


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(Predicate):
    """True where one part is, false where none can be."""

    parts: tuple[Predicate, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return _columns_of(self.parts)

    def typed(self, place: str, source: Source) -> AnyOf:
        return AnyOf(parts=tuple(part.typed(place, source) for part in self.parts))


@typed
@dataclass(frozen=True, slots=True, kw_only=True)
class Negation(Predicate):
    """True where the part is false; unknown stays unknown."""

    part: Predicate

    @property
    def columns(self) -> tuple[str, ...]:
        return self.part.columns

    def typed(self, place: str, source: Source) -> Negation:
        return Negation(part=self.part.typed(place, source))


class ColumnReference:
    """A column by name, to be compared: `==`, `!=`, `<`, `<=`, `>`, `>=`, `isin`, `is_null`, `is_true`."""

    __slots__ = ("name",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        check_name("predicate: column", name)
        self.name = name

    def __eq__(self, value: Scalar) -> Comparison:  # type: ignore[override]
        return self._compared("==", value)

    def __ne__(self, value: Scalar) -> Comparison:  # type: ignore[override]
        return self._compared("!=", value)

    def __lt__(self, value: Scalar) -> Comparison:
        return self._compared("<", value)

    def __le__(self, value: Scalar) -> Comparison:
        return self._compared("<=", value)

    def __gt__(self, value: Scalar) -> Comparison:
        return self._compared(">", value)

    def __ge__(self, value: Scalar) -> Comparison:
        return self._compared(">=", value)

    @typed
    def isin(self, values: Iterable[Scalar]) -> Among:
        """True where the column is one of these values."""
        return Among(column=self.name, values=tuple(values))

    def is_null(self) -> IsNull:
        """True where the column is null. Write `~` before it for the contrary."""
        return IsNull(column=self.name)

    def is_true(self) -> Comparison:
        """True where a boolean column is true. `~` of it is true only where the column is false."""
        return self._compared("==", True)

    def _compared(self, operator: Operator, value: Scalar) -> Comparison:
        require(
            value is not None, f"predicate on {self.name}: nothing equals null; write column({self.name!r}).is_null()"
        )
        return Comparison(column=self.name, operator=operator, value=value)


@typed
def column(name: str) -> ColumnReference:
    """A column of the source, to compare. Comparisons make predicates: `column("department") == "DRUG GM"`.

    You can use `==`, `!=`, `<`, `<=`, `>`, `>=`, and the methods `isin`, `is_null` and `is_true`. Combine predicates
    with `&`, `|` and `~`.

    Args:
        name: the name of the column.
    """
    return ColumnReference(name)


def checked(place: str, source: Source, where: Predicate | None) -> Predicate | None:
    """The predicate of a feature over a source, with typed values.

    Raises:
        DeclarationError: it is no predicate, or does not fit the source.
    """
    return None if where is None else where.typed(f"{place}: where", source)


def _flat(kind: type[AllOf | AnyOf], predicate: Predicate) -> tuple[Predicate, ...]:
    require(
        isinstance(predicate, Predicate),
        f"predicate combined with {predicate!r}: put each comparison in parentheses: (...) & (...)",
    )
    return predicate.parts if isinstance(predicate, AllOf | AnyOf) and isinstance(predicate, kind) else (predicate,)


def _columns_of(parts: Iterable[Predicate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part.columns))


def _typed(place: str, kind: str, value: object) -> Scalar:
    found = _decimal(kind, value) if kind.startswith("decimal") else _plain(kind, value)
    expected = TAKES.get(kind, f"a Decimal (or int) that {kind} holds exactly")
    require(found is not None, f"{place} {value!r}: the column is {kind}; expected {expected}")
    return found  # type: ignore[return-value]


def _plain(kind: str, value: object) -> Scalar | None:
    match kind, value:
        case "boolean", bool():
            return value
        case _, bool():
            return None
        case "int64", int() if value in INT64:
            return value
        case "float64", int() | float():
            return _float(value)
        case "string", str() if value.isascii() or value == value.encode(errors="ignore").decode():
            return value
        case "timestamp", datetime() if value.tzinfo is not None:
            return value.astimezone(UTC)
        case "date", date() if not isinstance(value, datetime):
            return value
    return None


def _float(value: float) -> float | None:
    if isinstance(value, int) and abs(value) > 2**53:
        return None
    # One NaN, so that equal predicates compare equal; and no -0.0.
    return math.nan if math.isnan(value) else float(value) + 0.0


def _decimal(kind: str, value: object) -> Decimal | None:
    """The value with as many digits after the point as the column has."""
    if isinstance(value, bool) or not isinstance(value, Decimal | int):
        return None
    number = Decimal(value)
    scale = int(kind.rstrip(")").partition(",")[2])
    if not number.is_finite() or number.adjusted() + scale >= DECIMAL_DIGITS:
        return None
    units = number.scaleb(scale)
    return Decimal(int(units)).scaleb(-scale) if units == int(units) else None


def _order(value: Scalar) -> tuple[bool, Scalar]:
    return (isinstance(value, float) and math.isnan(value), value)
