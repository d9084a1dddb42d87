"""Reading sources with Spark: each task fetches one object, in its version, and hands its columns on.

Spark's own readers are not used on purpose: they read whatever version is current, need a file system driver that local
Spark lacks, and turn times into the session's zone. Here one machine and Glue take the very same path.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.engines.spark_views import view_frame
from assembly_line.features.model.plans import Input
from assembly_line.features.model.workload import Keys
from assembly_line.features.sources.activity import FIRST, KNOWN, LAST, Limits
from assembly_line.features.sources.joins import DATE_SLACK, DAY
from assembly_line.features.spine.assembly import Bounds, Matched
from assembly_line.features.values.arrow_columns import (
    from_logical,
    from_physical_table,
    physical_schema,
    to_physical,
    to_physical_table,
)
from assembly_line.features.values.columns import Column, Integers, null_column
from assembly_line.features.values.ordering import different_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Copies (key, version) to a path; sent to the workers, so it must be picklable.
Fetch = Callable[[str, str, Path], None]
ROWS_AT_ONCE = 65_536
FEW_ENTITIES = 200_000
FEW_ROWS = 500_000
CODE = "code"


class SparkReader:
    """Reads the objects that a plan names.

    Args:
        inputs: source name -> what is read of it.
        fetch: how a worker gets an object.
    """

    def __init__(self, spark: SparkSession, inputs: Mapping[str, Input], fetch: Fetch) -> None:
        self._spark = spark
        self._inputs = inputs
        self._fetch = fetch
        self._entities: dict[Keys, DataFrame] = {}
        self._codes: dict[Keys, dict[tuple[Any, ...], int]] = {}

    def table(self, source: Source, columns: Keys) -> dict[str, Column]:
        kinds = {name: source.columns[name] for name in columns}
        if self._is_small(source):
            return self._read_here(source, kinds)
        return from_physical_table(self.frame(source, kinds).toArrow(), kinds)

    def codes(self, keys: Mapping[str, Column]) -> Integers:
        whole = np.logical_and.reduce([column.valid for column in keys.values()])
        chosen = np.flatnonzero(whole)
        first, places = different_rows([column.take(chosen).sort_keys() for column in keys.values()])
        codes = np.full(len(whole), -1, np.int64)
        codes[chosen] = places
        entities = {f"k{n}": column.take(chosen[first]) for n, column in enumerate(keys.values())}
        entities[CODE] = Column("int64", np.arange(len(first)), np.ones(len(first), np.bool_))
        frame = self.local_frame(entities)
        # Spark does not know how small it is; a broadcast spares the shuffle of the source.
        self._entities[tuple(keys)] = frame.hint("broadcast") if len(first) <= FEW_ENTITIES else frame
        listed = zip(*(column.values[chosen[first]].tolist() for column in keys.values()), strict=True)
        self._codes[tuple(keys)] = {values: code for code, values in enumerate(listed)}
        return codes

    def matched(self, source: Source, keys: Keys, columns: Keys, bounds: Bounds = (None, None)) -> Matched:
        if self._is_small(source):
            return self._match_here(source, keys, columns)
        kinds = {CODE: "int64", **{f"c{n}": source.columns[name] for n, name in enumerate(columns)}}
        found = from_physical_table(self.matched_frame(source, keys, columns, bounds).toArrow(), kinds)
        codes = found.pop(CODE).values
        return Matched(codes, dict(zip(columns, found.values(), strict=True)))

    def matched_frame(self, source: Source, keys: Keys, columns: Keys, bounds: Bounds = (None, None)) -> DataFrame:
        """`matched` as a frame: `code`, then the columns as c0, c1, ..."""
        kinds = {name: source.columns[name] for name in dict.fromkeys((*keys, *columns))}
        rows = self.frame(source, kinds, bounds)
        entities = self._entities[keys]
        same = [rows[f"`{name}`"] == entities[f"k{n}"] for n, name in enumerate(keys)]
        picked = [rows[f"`{name}`"].alias(f"c{n}") for n, name in enumerate(columns)]
        return rows.join(entities, on=same, how="inner").select(entities[CODE], *picked)

    def days(self, source: Source, known: str | None, limits: Limits) -> dict[str, Column]:
        from pyspark.sql import functions as sql

        event_time = source.event_time or ""
        picked = {FIRST: sql.min, LAST: sql.max}
        kinds = {name: source.columns[name] for name in dict.fromkeys((event_time, *limits))}
        rows = self.frame(source, kinds)
        within = [rows[f"`{name}`"] <= most for name, most in limits.items()]
        time = rows[f"`{event_time}`"]
        day = time if kinds[event_time] == "date" else sql.floor(time / DAY)
        answers = [function(time).alias(name) for name, function in picked.items()]
        of = dict.fromkeys(picked, kinds[event_time])
        if known is not None:
            answers.append(sql.max(rows[f"`{known}`"]).alias(KNOWN))
            of[KNOWN] = kinds[known]
        found = rows.where(reduce(and_, within)).groupBy(day.alias("day")).agg(*answers).drop("day")
        return from_physical_table(found.toArrow(), of)

    def counts(self, source: Source, keys: Keys, bounds: Bounds) -> Integers:
        """How many rows within the bounds each code has; of dates those within the days around them."""
        event_time = source.event_time or ""
        rows = self.matched_frame(source, keys, (event_time,), bounds)
        if source.columns[event_time] == "date" and bounds[1] is not None:
            rows = rows.where(rows["c0"] <= bounds[1] // DAY + DATE_SLACK)
        found = rows.groupBy(CODE).count().toArrow()
        counts = np.zeros(len(self._codes[keys]), np.int64)
        counts[found.column(CODE).to_numpy()] = found.column("count").to_numpy()
        return counts

    def rows(self, source: Source) -> int:
        """How many rows the source's objects have; of a view, those that it selects from."""
        return sum(item.rows for loaded in source.loaded for item in self._inputs[loaded.name].objects)

    def _is_small(self, source: Source) -> bool:
        return source.static and source.sql is None and self.rows(source) <= FEW_ROWS

    def _read_here(self, source: Source, kinds: Mapping[str, str]) -> dict[str, Column]:
        """A small table is read on the driver: sooner than a job is scheduled."""
        batches: list[pa.RecordBatch] = []
        with tempfile.TemporaryDirectory(prefix="source-") as folder:
            path = Path(folder) / "object.parquet"
            for item in self._inputs[source.name].objects:
                self._fetch(item.key, item.version, path)
                batches += _rows(source, kinds, (None, None), path)
        if not batches:
            return {name: null_column(kind, 0) for name, kind in kinds.items()}
        return from_physical_table(pa.Table.from_batches(batches), kinds)

    def _match_here(self, source: Source, keys: Keys, columns: Keys) -> Matched:
        kinds = {name: source.columns[name] for name in dict.fromkeys((*keys, *columns))}
        rows = self._read_here(source, kinds)
        whole = np.logical_and.reduce([rows[name].valid for name in keys])
        known = self._codes[keys]
        listed = zip(*(rows[name].values.tolist() for name in keys), strict=True)
        codes = np.where(whole, np.fromiter((known.get(values, -1) for values in listed), np.int64, len(whole)), -1)
        kept = np.flatnonzero(codes >= 0)
        return Matched(codes[kept], {name: rows[name].take(kept) for name in columns})

    def frame(self, source: Source, kinds: Mapping[str, str], bounds: Bounds = (None, None)) -> DataFrame:
        """Rows of a source in physical values. Those with an event time outside the bounds may be missing."""
        if source.sql is not None:
            return view_frame(self._spark, source, kinds, self.frame)
        objects = [(item.key, item.version) for item in self._inputs[source.name].objects]
        schema = physical_schema(kinds)
        if not objects:
            return self._spark.createDataFrame([], schema)
        listed = self._spark.createDataFrame(objects, "key string, version string").repartition(len(objects))
        return listed.mapInArrow(_reading(source, dict(kinds), bounds, self._fetch), schema)

    def local_frame(self, columns: Mapping[str, Column]) -> DataFrame:
        """Columns of the driver as a frame of physical values."""
        kinds = {name: column.kind for name, column in columns.items()}
        return self._spark.createDataFrame(to_physical_table(columns), physical_schema(kinds))


def _reading(
    source: Source, kinds: Mapping[str, str], bounds: Bounds, fetch: Fetch
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        for batch in batches:
            for key, version in zip(batch.column("key").to_pylist(), batch.column("version").to_pylist(), strict=True):
                with tempfile.TemporaryDirectory(prefix="source-") as folder:
                    path = Path(folder) / "object.parquet"
                    fetch(key, version, path)
                    yield from _rows(source, kinds, bounds, path)

    return read


def _rows(source: Source, kinds: Mapping[str, str], bounds: Bounds, path: Path) -> Iterator[pa.RecordBatch]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=list(kinds)):
                columns = {name: from_logical(batch.column(name), kind) for name, kind in kinds.items()}
                kept = _inside(source, columns, bounds)
                arrays = [to_physical(column.take(kept)) for column in columns.values()]
                yield pa.RecordBatch.from_arrays(arrays, list(kinds))
    except (pa.ArrowException, KeyError) as error:
        raise SourceUnreadable(
            f"source {source.name}: cannot be read from the lake ({error}); run `line sources load`"
        ) from error


def _inside(source: Source, columns: Mapping[str, Column], bounds: Bounds) -> Integers:
    times = columns.get(source.event_time or "")
    rows = len(next(iter(columns.values())))
    inside = np.ones(rows, np.bool_)
    if times is not None and times.kind == "timestamp":
        if bounds[0] is not None:
            inside &= times.values >= bounds[0]
        if bounds[1] is not None:
            inside &= times.values <= bounds[1]
        inside |= ~times.valid
    return np.flatnonzero(inside)
