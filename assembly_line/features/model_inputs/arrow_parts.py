"""Model inputs in a notebook: Arrow tables and numpy arrays, by the code that writes the machine's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assembly_line.errors import RequestRefused
from assembly_line.features.model_inputs.numbers import numbers_of
from assembly_line.features.model_inputs.preparing import Part, PreparedFold
from assembly_line.features.model_inputs.preprocessing import Fitted
from assembly_line.features.values.columns import Column, Floats, Integers

if TYPE_CHECKING:
    import pyarrow as pa

# By Arrow's words for its types; decimals carry their digits in theirs.
KINDS = {
    "int64": "int64",
    "double": "float64",
    "bool": "boolean",
    "string": "string",
    "timestamp[us, tz=UTC]": "timestamp",
    "date32[day]": "date",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowPart:
    """One part of a fold, everything in the same order of rows.

    Args:
        table: the columns of the part's file.
        ids: decision_id and decision_time.
        targets: shape (rows, targets): what is to be predicted, and for ranking with `qid` the group after it.
        features: shape (rows, features), NaN where missing.
        weights: of the rows; None where none were asked for.
        groups: sizes of the groups that the rows stand in; None where they stand in none.
        record: counts, as in the manifest of model inputs.
    """

    table: pa.Table
    ids: pa.Table
    targets: Floats
    features: Floats
    weights: Floats | None
    groups: Integers | None
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowFold:
    """One fold: parts by name, what was fitted on its training part, and what was left out."""

    parts: Mapping[str, ArrowPart]
    fitted: Fitted
    record: Mapping[str, Any]


def arrow_columns_of(table: pa.Table) -> dict[str, Column]:
    """A dataset's Arrow table as typed columns.

    Raises:
        RequestRefused: a column has a type that no dataset has.
    """
    from assembly_line.features.values.arrow_columns import from_logical

    kinds = {field.name: str(field.type) for field in table.schema}
    for name, words in kinds.items():
        if words not in KINDS and not words.startswith("decimal128("):
            raise RequestRefused.about(
                f"table: column {name}", words, f"a type of datasets: {', '.join(KINDS)}, decimal128", "drop the column"
            )
    return {name: from_logical(table.column(name).combine_chunks(), _kind(words)) for name, words in kinds.items()}


def arrow_fold(fold: PreparedFold, outcome: str) -> ArrowFold:
    """A fold for a notebook; `outcome` names the column that targets are made of."""
    outputs = list(fold.fitted.outputs)
    parts = {part.name: _arrow_part(part, outputs, outcome) for part in fold.parts}
    return ArrowFold(parts=parts, fitted=fold.fitted, record=fold.record)


def _arrow_part(part: Part, outputs: list[str], outcome: str) -> ArrowPart:
    # A point stands in no name of a key or feature.
    targets = {name: column for name, column in part.columns.items() if name.partition(".")[0] == outcome}
    return ArrowPart(
        table=_table(part.columns),
        ids=_table(part.ids),
        targets=_matrix(targets, part.record["rows"]),
        features=_matrix({name: part.columns[name] for name in outputs}, part.record["rows"]),
        weights=part.weights,
        groups=part.groups,
        record=part.record,
    )


def _kind(words: str) -> str:
    return words.replace("decimal128", "decimal").replace(" ", "") if words.startswith("decimal") else KINDS[words]


def _matrix(columns: Mapping[str, Column], rows: int) -> Floats:
    floats = [_floats(name, column) for name, column in columns.items()]
    return np.column_stack(floats) if floats else np.empty((rows, 0))


def _floats(name: str, column: Column) -> Floats:
    """As they stand: a bound of a survival time may be infinite."""
    return np.where(column.valid, column.values, np.nan) if column.kind == "float64" else numbers_of(name, column)


def _table(columns: Mapping[str, Column]) -> pa.Table:
    import pyarrow as pa

    from assembly_line.features.values.arrow_columns import to_logical

    return pa.table({name: to_logical(column) for name, column in columns.items()})
