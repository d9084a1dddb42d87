"""An aggregate table on Spark: events meet the others of their group on one worker, then the groups of a month on one.

A worker holds the events of its share of the groups, and one month of the table at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assembly_line.declarations.tables import MONTH, PERIOD, AggregateTable
from assembly_line.features.arrow_columns import from_physical_table, physical_schema, to_logical, to_physical_table
from assembly_line.features.columns import Column, Integers
from assembly_line.features.explore.aggregation import aggregated, columns_read, columns_written, with_periods
from assembly_line.features.explore.periods import months_of
from assembly_line.features.ordering import order_of
from assembly_line.features.plans import Input
from assembly_line.features.spark_reader import Fetch, SparkReader

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Stores a local Parquet file of a month and returns its key; sent to the workers, so it must be picklable.
PutMonth = Callable[[str, Path], str]
Batches = Iterable[pa.RecordBatch]
Change = Callable[[dict[str, Column]], dict[str, Column]]
WRITTEN = "month string, key string, rows bigint"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMonth:
    """One month of a table: the key of its only object."""

    month: str
    key: str
    rows: int


def materialise(
    table: AggregateTable, source: Input, spark: SparkSession, *, fetch: Fetch, put: PutMonth
) -> list[StoredMonth]:
    """Compute and store every month of a table, in order.

    Equal sources give equal files: rows are in order of period and group.

    Raises:
        SourceUnreadable, ValueOutOfRange: from a worker, wrapped by Spark.
    """
    if not source.objects:
        return []
    read, written = columns_read(table), columns_written(table)
    dated = {PERIOD: "date", **read}
    frame = SparkReader(spark, {table.source.name: source}, fetch).frame(table.source, read)
    frame = _changed(frame, read, dated, lambda events: with_periods(table, events))
    frame = frame.repartition(*(f"`{name}`" for name in (PERIOD, *table.groups)))
    frame = _changed(frame, dated, {**written, MONTH: "string"}, lambda events: _with_month(aggregated(table, events)))
    stored = frame.repartition(MONTH).mapInArrow(_storing(table, put), WRITTEN).collect()
    return sorted((StoredMonth(**row.asDict()) for row in stored), key=lambda one: one.month)


def _changed(frame: DataFrame, before: Mapping[str, str], after: Mapping[str, str], change: Change) -> DataFrame:
    """All rows of a task changed at once."""

    def apply(batches: Batches) -> Iterator[pa.RecordBatch]:
        received = list(batches)
        if received:
            changed = change(from_physical_table(pa.Table.from_batches(received), before))
            yield from to_physical_table({name: changed[name] for name in after}).to_batches()

    return frame.mapInArrow(apply, physical_schema(after))


def _with_month(rows: dict[str, Column]) -> dict[str, Column]:
    months = np.empty(len(rows[PERIOD]), np.object_)
    months[:] = months_of(rows[PERIOD].values)
    return {**rows, MONTH: Column("string", months, np.ones(len(months), np.bool_))}


def _storing(table: AggregateTable, put: PutMonth) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    kinds = columns_written(table)

    def store(batches: Batches) -> Iterator[pa.RecordBatch]:
        received = list(batches)
        if not received:
            return
        rows = from_physical_table(pa.Table.from_batches(received), {**kinds, MONTH: "string"})
        months = rows.pop(MONTH).values
        for month in np.unique(months).tolist():
            ordered = _ordered(table, rows, np.flatnonzero(months == month))
            key = _stored({name: ordered[name] for name in kinds}, month, put)
            yield pa.RecordBatch.from_pydict({"month": [month], "key": [key], "rows": [len(ordered[PERIOD])]})

    return store


def _ordered(table: AggregateTable, rows: Mapping[str, Column], places: Integers) -> dict[str, Column]:
    """The rows at these places, in order of period and group."""
    some = {name: column.take(places) for name, column in rows.items()}
    order = order_of([some[name].sort_keys() for name in (PERIOD, *table.groups)])
    return {name: column.take(order) for name, column in some.items()}


def _stored(columns: Mapping[str, Column], month: str, put: PutMonth) -> str:
    with tempfile.TemporaryDirectory(prefix="table-") as folder:
        path = Path(folder) / "data.parquet"
        pq.write_table(
            pa.table({name: to_logical(column) for name, column in columns.items()}), path, compression="zstd"
        )
        return put(month, path)
