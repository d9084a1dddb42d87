"""An aggregate table on Spark: events meet the others of their group on one worker, then the groups of a month on one.

A worker holds the events of its share of the groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from assembly_line.declarations.checks import MONTH
from assembly_line.declarations.explore.tables import PERIOD, AggregateTable
from assembly_line.features.engines.spark_reader import Fetch, SparkReader
from assembly_line.features.explore.aggregation import aggregated, columns_read, columns_written, with_periods
from assembly_line.features.explore.periods import months_of
from assembly_line.features.explore.spark_months import Batches, PutMonth, StoredMonth, stored_months
from assembly_line.features.explore.spark_wide import materialise_wide
from assembly_line.features.model.plans import Input, Plan
from assembly_line.features.values.arrow_columns import from_physical_table, physical_schema, to_physical_table
from assembly_line.features.values.columns import Column
from assembly_line.features.values.ordering import order_of
from assembly_line.features.values.released_scripts import Scripts

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

Change = Callable[[dict[str, Column]], dict[str, Column]]


def materialise(
    work: tuple[AggregateTable, Input] | Plan, spark: SparkSession, *, fetch: Fetch, put: PutMonth, scripts: Scripts
) -> list[StoredMonth]:
    """Compute and store every month of a planned table, in order.

    Args:
        work: of the planned table.
        scripts: content of the release's scripts, by name.

    Raises:
        SourceUnreadable, ValueOutOfRange: from a worker, wrapped by Spark. A wide table also as a dataset.
    """
    if isinstance(work, Plan):
        used = {name: scripts[name] for name in work.scripts}
        return materialise_wide(work, spark, fetch=fetch, put=put, scripts=used)
    return _materialise_aggregate(*work, spark, fetch=fetch, put=put)


def _materialise_aggregate(
    table: AggregateTable, source: Input, spark: SparkSession, *, fetch: Fetch, put: PutMonth
) -> list[StoredMonth]:
    """Equal sources give equal files: rows are in order of period and group."""
    if not source.objects:
        return []
    read, written = columns_read(table), columns_written(table)
    dated = {PERIOD: "date", **read}
    frame = SparkReader(spark, {table.source.name: source}, fetch).frame(table.source, read)
    frame = _changed(frame, read, dated, lambda events: with_periods(table, events))
    frame = frame.repartition(*(f"`{name}`" for name in (PERIOD, *table.groups)))
    frame = _changed(frame, dated, {**written, MONTH: "string"}, lambda events: _with_month(aggregated(table, events)))
    return stored_months(frame, written, lambda rows: _ordered(table, rows), put)


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


def _ordered(table: AggregateTable, rows: Mapping[str, Column]) -> dict[str, Column]:
    """The columns of the table, its rows in order of period and group."""
    order = order_of([rows[name].sort_keys() for name in (PERIOD, *table.groups)])
    return {name: rows[name].take(order) for name in columns_written(table)}
