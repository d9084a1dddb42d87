"""What a line's own model reads, in training and in scoring: its encoding, or the preprocessing that it declares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, overload

import numpy as np

from assembly_line.declarations.features import Feature
from assembly_line.declarations.preprocessing import Preprocessing
from assembly_line.encoding import DAY_ZERO, Encoding, Kind, Table, kind_of
from assembly_line.features.model_inputs.numbers import is_exact
from assembly_line.features.model_inputs.preprocessing import SCHEMA, Fitted, apply, fit
from assembly_line.features.values.columns import Column, Floats, column_of
from assembly_line.instants import to_micros

# How values of each kind are held; a time is a date where its values are.
HELD: Mapping[Kind, str] = {"number": "float64", "boolean": "boolean", "category": "string", "time": "timestamp"}


@dataclass(frozen=True, slots=True)
class PreparedInputs:
    """Declared preprocessing in the manner of `Encoding`: rows of CSV, each under a leading field."""

    fitted: Fitted

    @property
    def features(self) -> list[str]:
        """Features that are read, in order."""
        return [column.name for column in self.fitted.columns]

    @property
    def columns(self) -> list[dict[str, Any]]:
        """Columns of the CSV after the leading one, as a training script finds them in its schema."""
        return [{"name": name, "kind": "number", "feature": of} for name, (of, _) in self.fitted.outputs.items()]

    @property
    def digest(self) -> str:
        """Names what was fitted: 64 hexadecimal digits."""
        return self.fitted.digest

    def to_json(self) -> dict[str, Any]:
        return self.fitted.to_json()

    def csv(self, table: Table, *, first: Sequence[str]) -> bytes:
        """The rows as a file without a header; empty without rows.

        Args:
            table: feature -> values as `read_columns` gives them, at least for every feature that was fitted.
            first: the leading field of each row.

        Raises:
            ValueError: a feature is missing, has another number of rows, or a value of another kind.
        """
        fields = [list(first), *map(_texts, self._applied(table, rows=len(first)))]
        return "".join(f"{','.join(row)}\n" for row in zip(*fields, strict=True)).encode()

    def matrix(self, table: Table) -> Floats:
        """The rows as numbers, shape (rows, columns), NaN where missing; errors as `csv` has them."""
        return np.column_stack(self._applied(table, rows=len(next(iter(table.values())))))

    def _applied(self, table: Table, *, rows: int) -> list[Floats]:
        columns = {one.name: _column(one.name, one.kind, table, rows=rows) for one in self.fitted.columns}
        return list(apply(self.fitted, columns).values())


ModelInputs = Encoding | PreparedInputs


@overload
def fit_inputs(features: Mapping[str, Feature], table: Table, preprocessing: Preprocessing) -> PreparedInputs: ...


@overload
def fit_inputs(features: Mapping[str, Feature], table: Table, preprocessing: Preprocessing | None) -> ModelInputs: ...


def fit_inputs(features: Mapping[str, Feature], table: Table, preprocessing: Preprocessing | None) -> ModelInputs:
    """Learn from the training part what the model's inputs need.

    Args:
        features: in the order of the dataset's columns.
        table: feature -> values of the training part.
        preprocessing: what the line declares; None for the plain encoding.
    """
    if preprocessing is None:
        return Encoding.fit(features, table)
    rows = len(next(iter(table.values())))
    columns = {name: _column(name, kind_of(feature), table, rows=rows) for name, feature in features.items()}
    return PreparedInputs(fit(columns, preprocessing))


def inputs_from_json(document: Mapping[str, Any]) -> ModelInputs:
    """Read what `to_json` of either wrote.

    Raises:
        RequestRefused: the document is of another version.
    """
    if document.get("schema") == SCHEMA:
        return PreparedInputs(Fitted.from_json(document))
    return Encoding.from_json(document)


def schema_of(inputs: ModelInputs) -> list[dict[str, Any]]:
    """Names and forms of the CSV's columns after the leading one, in order."""
    return inputs.columns if isinstance(inputs, PreparedInputs) else list(inputs.to_json()["columns"])


def _column(name: str, kind: Kind, table: Table, *, rows: int) -> Column:
    values = table.get(name)
    if values is None or len(values) != rows:
        found = "absent" if values is None else f"{len(values)} rows"
        raise ValueError(f"feature {name}: {found}, expected {rows} rows")
    try:
        return _held(kind, values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"feature {name}: a value is not a {kind}: {error}") from error


def _held(kind: Kind, values: Sequence[Any]) -> Column:
    if kind == "number":
        return column_of("float64", [None if value is None else _number(value) for value in values])
    if kind == "time" and any(isinstance(value, date) and not isinstance(value, datetime) for value in values):
        return column_of("date", [None if value is None else value.toordinal() - DAY_ZERO for value in values])
    if kind == "time":
        return column_of("timestamp", [to_micros(v) if isinstance(v, datetime) else v for v in values])
    return column_of(HELD[kind], values)


def _number(value: Any) -> float:
    if isinstance(value, int | Decimal) and not is_exact(value):
        raise ValueError(f"{value} has more digits than a float64")
    return float(value)


def _texts(values: Floats) -> list[str]:
    return ["" if math.isnan(value) else repr(value) for value in values.tolist()]
