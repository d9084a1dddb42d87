"""Storing a table by month on Spark: all rows of a month meet on one worker, which holds one month at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from assembly_line.declarations.checks import MONTH
from assembly_line.features.values.arrow_columns import from_physical_table, to_logical
from assembly_line.features.values.columns import Column

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Stores a local Parquet file of a month and returns its key; sent to the workers, so it must be picklable.
PutMonth = Callable[[str, Path], str]
# The columns of a month as they are written, in order; from rows in any order.
Finish = Callable[[dict[str, Column]], Mapping[str, Column]]
Batches = Iterable[pa.RecordBatch]
WRITTEN = "month string, key string, rows bigint"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMonth:
    """One month of a table: the key of its only object."""

    month: str
    key: str
    rows: int


def stored_months(frame: DataFrame, kinds: Mapping[str, str], finish: Finish, put: PutMonth) -> list[StoredMonth]:
    """Store every month of a frame, in order.

    Args:
        frame: physical values, with the month of each row in `month`.
        kinds: column -> type of those that `finish` takes.
    """
    together = frame.repartition(MONTH).sortWithinPartitions(MONTH)
    stored = together.mapInArrow(_storing(dict(kinds), finish, put), WRITTEN).collect()
    return sorted((StoredMonth(**row.asDict()) for row in stored), key=lambda one: one.month)


def _storing(kinds: Mapping[str, str], finish: Finish, put: PutMonth) -> Callable[[Batches], Iterator[pa.RecordBatch]]:
    def store(batches: Batches) -> Iterator[pa.RecordBatch]:
        for month, rows in _by_month(batches):
            columns = finish(from_physical_table(rows, kinds))
            yield pa.RecordBatch.from_pydict(
                {"month": [month], "key": [_stored(columns, month, put)], "rows": [rows.num_rows]}
            )

    return store


def _by_month(batches: Batches) -> Iterator[tuple[str, pa.Table]]:
    """Each month with its rows, of rows that come month by month."""
    current, held = "", list[pa.RecordBatch]()
    for month, part in (named for batch in batches for named in _parts(batch)):
        if held and month != current:
            yield current, pa.Table.from_batches(held)
            held = []
        current = month
        held.append(part)
    if held:
        yield current, pa.Table.from_batches(held)


def _parts(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    start = 0
    for month, run in groupby(batch.column(MONTH).to_pylist()):
        rows = sum(1 for _ in run)
        yield month, batch.slice(start, rows)
        start += rows


def _stored(columns: Mapping[str, Column], month: str, put: PutMonth) -> str:
    with tempfile.TemporaryDirectory(prefix="table-") as folder:
        path = Path(folder) / "data.parquet"
        table = pa.table({name: to_logical(column) for name, column in columns.items()})
        pq.write_table(table, path, compression="zstd")
        return put(month, path)
