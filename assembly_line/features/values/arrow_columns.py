"""Columns as Arrow arrays and back, for Spark. Logical: as in Parquet; physical: as in `columns`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from assembly_line.features.values.columns import DECIMAL, Column, concatenated, dtype_of

LOGICAL = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
}
PHYSICAL = {"float64": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}
SPARK_TYPES = {"float64": "double", "boolean": "boolean", "string": "string"}


def logical_type(kind: str) -> pa.DataType:
    """The Arrow type in which values of a declared type stand in Parquet."""
    decimal = DECIMAL.fullmatch(kind)
    return pa.decimal128(int(decimal.group(1)), int(decimal.group(2))) if decimal else LOGICAL[kind]


def physical_schema(kinds: Mapping[str, str]) -> str:
    """Spark's words for columns that carry physical values."""
    return ", ".join(f"`{name}` {SPARK_TYPES.get(kind, 'bigint')}" for name, kind in kinds.items())


def from_logical(array: pa.Array, kind: str) -> Column:
    """A column of a Parquet file as the kernel takes it.

    Raises:
        pa.ArrowInvalid: the array is of another type than declared.
    """
    array = array.cast(logical_type(kind))
    if kind == "timestamp":
        array = array.cast(pa.int64())
    elif kind == "date":
        array = array.cast(pa.int32()).cast(pa.int64())
    elif DECIMAL.fullmatch(kind):
        array = _unscaled(array)
    return from_physical(array, kind)


def from_physical(array: pa.Array, kind: str) -> Column:
    """A column that `to_physical` made."""
    valid = np.asarray(array.is_valid())
    if kind == "string":
        values = np.array(array.to_pylist(), np.object_) if len(array) else np.empty(0, np.object_)
        return Column(kind, np.where(valid, values, ""), valid)
    filled = array.fill_null(False if kind == "boolean" else 0) if array.null_count else array
    values = filled.to_numpy(zero_copy_only=False).astype(dtype_of(kind))
    return Column(kind, values + 0.0 if kind == "float64" else values, valid)


def to_physical(column: Column) -> pa.Array:
    """A column as Spark carries it between steps."""
    return pa.array(column.values, PHYSICAL.get(column.kind, pa.int64()), mask=~column.valid)


def to_logical(column: Column) -> pa.Array:
    """A column as it stands in Parquet."""
    physical = to_physical(column)
    if column.kind == "timestamp":
        return physical.cast(logical_type(column.kind))
    if column.kind == "date":
        return physical.cast(pa.int32()).cast(pa.date32())
    if DECIMAL.fullmatch(column.kind):
        return _scaled(physical, logical_type(column.kind))
    return physical


def to_physical_table(columns: Mapping[str, Column]) -> pa.Table:
    return pa.table({name: to_physical(column) for name, column in columns.items()})


def from_physical_table(table: pa.Table, kinds: Mapping[str, str]) -> dict[str, Column]:
    """The columns named in `kinds`, of a table that Spark hands over."""
    return {
        name: concatenated(kind, [from_physical(chunk, kind) for chunk in table.column(name).chunks])
        for name, kind in kinds.items()
    }


def _unscaled(array: Any) -> pa.Array:
    """The units of decimals: of 16 little-endian bytes the lower 8, which hold 18 digits with their sign."""
    data = array.buffers()[1]
    halves = np.frombuffer(data, np.int64) if data is not None else np.zeros(0, np.int64)
    units = halves[::2][array.offset : array.offset + len(array)]
    return pa.array(units, pa.int64(), mask=~np.asarray(array.is_valid()))


def _scaled(array: Any, kind: pa.DataType) -> pa.Array:
    units = np.asarray(array.fill_null(0))
    halves = np.empty(2 * len(units), np.int64)
    halves[::2] = units
    halves[1::2] = np.where(units < 0, -1, 0)
    validity = pa.array(np.asarray(array.is_valid())).buffers()[1] if array.null_count else None
    return pa.Array.from_buffers(kind, len(units), [validity, pa.py_buffer(halves)])
