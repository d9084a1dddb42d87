"""Features as the numbers that scripts and models read: fitted on the training part, applied the same ever after."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, cast

from assembly_line.canonical import digest
from assembly_line.declarations.features import Aggregate, Feature, Latest, StaticFeature
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.errors import RequestRefused
from assembly_line.instants import to_micros

SCHEMA = "assembly-line/encoding"
VERSION = 1

Kind = Literal["number", "boolean", "category", "time"]
Table = Mapping[str, Sequence[Any]]

KIND_OF_TYPE: dict[str, Kind] = {"string": "category", "boolean": "boolean", "date": "time", "timestamp": "time"}
# Trees keep 32-bit floats; beyond these a value would become infinite there.
LARGEST = 3.4028234663852886e38
MICROS_PER_DAY = 86_400_000_000
DAY_ZERO = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Column:
    """One feature's place and form. `categories` are those of the training part, sorted; empty unless a category."""

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoding:
    """How each feature becomes a number.

    A number stays as it is (a decimal becomes a float, an infinite one the largest 32-bit float of its sign); a boolean
    becomes 0 or 1; a time becomes days since 1970-01-01 in UTC; a string becomes its index among the categories. Null,
    NaN and a string that the training part did not hold become missing: an empty field.
    """

    columns: tuple[Column, ...]

    @classmethod
    def fit(cls, features: Mapping[str, Feature], table: Table) -> Encoding:
        """Learn the categories from the training part alone.

        Args:
            features: the line's features that the model uses, in order of the columns.
            table: feature -> values of the training part.
        """
        return cls(
            tuple(
                Column(name, kind, tuple(sorted({value for value in table[name] if value is not None})))
                if (kind := kind_of(feature)) == "category"
                else Column(name, kind)
                for name, feature in features.items()
            )
        )

    @property
    def features(self) -> list[str]:
        """Names in the order of the columns."""
        return [column.name for column in self.columns]

    @property
    def digest(self) -> str:
        """Names the encoding: 64 hexadecimal digits."""
        return digest(self.to_json())

    def to_json(self) -> dict[str, Any]:
        columns = [
            {"name": column.name, "kind": column.kind}
            | ({"categories": list(column.categories)} if column.kind == "category" else {})
            for column in self.columns
        ]
        return {"schema": SCHEMA, "version": VERSION, "columns": columns}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Encoding:
        """Read what `to_json` wrote.

        Raises:
            RequestRefused: the document is of another schema or version.
        """
        if (document.get("schema"), document.get("version")) != (SCHEMA, VERSION):
            raise RequestRefused(
                f"encoding: schema {document.get('schema')!r} version {document.get('version')!r}; "
                f"expected {SCHEMA} version {VERSION}; train the line again with `line train`"
            )
        return cls(
            tuple(
                Column(column["name"], column["kind"], tuple(column.get("categories", ())))
                for column in document["columns"]
            )
        )

    def rows(self, table: Table, *, first: Sequence[str]) -> Iterator[str]:
        """CSV lines without line ends: `first` (a label, or the decision id), then every feature in order.

        Args:
            table: feature -> values, at least for every column of the encoding.
            first: the leading field of each row; it must need no quotes.

        Raises:
            ValueError: a feature is missing, has another number of rows, or a value of another kind.
        """
        fields: list[Iterable[str]] = [first]
        for column in self.columns:
            values = table.get(column.name)
            if values is None or len(values) != len(first):
                found = "absent" if values is None else f"{len(values)} rows"
                raise ValueError(f"feature {column.name}: {found}, expected {len(first)} rows")
            try:
                fields.append(_encode(column, values))
            except (TypeError, AttributeError) as error:
                raise ValueError(f"feature {column.name}: a value is not a {column.kind}: {error}") from error
        return map(",".join, zip(*fields, strict=True))

    def csv(self, table: Table, *, first: Sequence[str]) -> bytes:
        """The rows as a file without a header; empty without rows."""
        return "".join(f"{row}\n" for row in self.rows(table, first=first)).encode()


def rule_number(value: object) -> float | None:
    """A feature's value as a number that JSON has and whose order is the value's: what the one-feature rule ranks by.

    A boolean is 0 or 1, a date days since 1970-01-01, an instant microseconds, an infinite number the largest of its
    sign. None where there is nothing to rank by: null, NaN, and text, which has no order.
    """
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | Decimal):
        number = float(value)
        return None if math.isnan(number) else max(-sys.float_info.max, min(sys.float_info.max, number))
    if isinstance(value, datetime):
        return to_micros(value)
    return value.toordinal() - DAY_ZERO if isinstance(value, date) else None


# Aggregates whose value is one of the column's.
PICKING = ("min", "max", "first", "last")


def kind_of(feature: Feature) -> Kind:
    """What form a feature's values have, by its declaration: a column without any value has one too."""
    if isinstance(feature, Latest | StaticFeature):
        return KIND_OF_TYPE.get(feature.source.columns[feature.column], "number")
    if isinstance(feature, UdfFeature):
        return KIND_OF_TYPE.get(feature.returns, "number")
    if isinstance(feature, Aggregate) and feature.kind in PICKING and feature.column is not None:
        return KIND_OF_TYPE.get(feature.source.columns[feature.column], "number")
    return "number"


def _encode(column: Column, values: Sequence[Any]) -> list[str]:
    if column.kind == "category":
        index = {category: str(position) for position, category in enumerate(column.categories)}
        return [index.get(value, "") for value in values]
    render = cast(Callable[[Any], str], {"boolean": _boolean, "time": _time, "number": _number}[column.kind])
    return ["" if value is None else render(value) for value in values]


def _number(value: float | Decimal) -> str:
    if isinstance(value, int):
        return repr(int(value))  # the truth of an expression too
    number = float(value)
    if math.isnan(number):
        return ""
    return repr(number) if -LARGEST <= number <= LARGEST else repr(math.copysign(LARGEST, number))


def _boolean(value: object) -> str:
    return "1" if value else "0"


def _time(value: int | datetime | date) -> str:
    """Days since 1970; an integer is microseconds, as instants are read from a dataset."""
    if isinstance(value, datetime):
        return repr(to_micros(value) / MICROS_PER_DAY)
    if isinstance(value, date):
        return repr(value.toordinal() - DAY_ZERO)
    return repr(value / MICROS_PER_DAY)
