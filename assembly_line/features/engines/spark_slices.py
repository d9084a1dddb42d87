"""Entities with too many rows for one worker: slices of time of them go to several, as if each were an entity."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from assembly_line.features.engines.spark_reader import CODE, SparkReader
from assembly_line.features.kernel.time_slices import last_visible, overlap_of, remembered, time_slices
from assembly_line.features.kernel.window_queries import Decisions, Rows
from assembly_line.features.model.workload import TimedGroup
from assembly_line.features.spine.assembly import Matched, reach_of, rows_of, timed_columns
from assembly_line.features.values.arrow_columns import from_physical_table, physical_schema
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.semantics import Sight
from assembly_line.instants import DAY_MICROS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Rows of one entity that one task takes: about 0.3 GiB while ten columns of them are evaluated, a tenth of what a
# worker of Glue has for each of its tasks. More entities come to the same task by chance.
HOT_ROWS = 1_000_000
# Slices are cut between so many stretches of equal length.
BINS = 4096
TIME, BIN, ROWS = "c0", "bin", "count"
# No declared column has this name: it holds the place of a row in its batch.
PLACE = ""


@dataclass(frozen=True, slots=True)
class Slots:
    """Numbers for the slices of one entity, used in place of its code.

    Args:
        first: the number of the first slice; the others follow.
        starts: decision times at which the other slices start.
    """

    first: int
    starts: Integers

    def of(self, times: Integers) -> Integers:
        """The slice of each decision time, counted from 0."""
        return np.searchsorted(self.starts, times, "right").astype(np.int64)


def spread(
    reader: SparkReader, group: TimedGroup, decisions: Decisions, sight: Sight, rows: DataFrame
) -> tuple[Decisions, DataFrame]:
    """Decisions and rows of a group, those of hot entities under the numbers of their slices.

    Args:
        rows: `code`, then the columns of `timed_columns` as c0, c1, ...
    """
    if reader.rows(group.source) <= HOT_ROWS:
        return decisions, rows
    slots = _slots(reader, group, decisions)
    if not slots:
        return decisions, rows
    spreading = Spreading(group, sight, slots, int(decisions.times.max()))
    schema = physical_schema({CODE: "int64", **spreading.kinds})
    return Decisions(renumbered(decisions, slots), decisions.times), rows.mapInArrow(_applied(spreading), schema)


def renumbered(decisions: Decisions, slots: Mapping[int, Slots]) -> Integers:
    """The entity of each decision, or the number of its slice."""
    entities = decisions.entities.copy()
    for code, own in slots.items():
        inside = np.flatnonzero(decisions.entities == code)
        entities[inside] = own.first + own.of(decisions.times[inside])
    return entities


def _slots(reader: SparkReader, group: TimedGroup, decisions: Decisions) -> dict[int, Slots]:
    """The slices of each hot entity, by its code. Keys and event times of the source are read once more for it."""
    from pyspark.sql import functions as sql

    event_time = group.source.event_time or ""
    bounds = reach_of(group, decisions.times)
    times = reader.matched_frame(group.source, group.keys, (event_time,), bounds)
    if group.source.columns[event_time] == "date":
        times = times.withColumn(TIME, sql.col(TIME) * DAY_MICROS)
    edges = (sql.count(TIME).alias(ROWS), sql.min(TIME).alias("least"), sql.max(TIME).alias("greatest"))
    hot = times.groupBy(CODE).agg(*edges).where(sql.col(ROWS) > HOT_ROWS).collect()
    if not hot:
        return {}
    least, greatest = min(row["least"] for row in hot), max(row["greatest"] for row in hot)
    width = (greatest - least) // BINS + 1
    placed = times.where(sql.col(CODE).isin([row[CODE] for row in hot]) & sql.col(TIME).isNotNull())
    placed = placed.withColumn(BIN, sql.expr(f"({TIME} - {least}L) div {width}L"))
    counts = {row[CODE]: np.zeros(BINS, np.int64) for row in hot}
    for row in placed.groupBy(CODE, BIN).count().collect():
        counts[row[CODE]][row[BIN]] = row[ROWS]
    slots, first = dict[int, Slots](), int(decisions.entities.max()) + 1
    for code, counted in sorted(counts.items()):
        edges_of_bins = least + width * np.arange(BINS + 1)
        cut = time_slices(edges_of_bins, counted, overlap=overlap_of(group), limit=HOT_ROWS)
        slots[code] = Slots(first, np.array([one.start for one in cut[1:]], np.int64))
        first += len(cut)
    return slots


class Spreading:
    """Gives every row of a task to the slices that need it; runs on the workers.

    Args:
        until: the last decision time of all.
    """

    def __init__(self, group: TimedGroup, sight: Sight, slots: Mapping[int, Slots], until: int) -> None:
        self._group = group
        self._sight = sight
        self._slots = slots
        self._until = until
        self._codes = np.array(sorted(slots), np.int64)
        self._firsts = np.array([slots[code].first for code in sorted(slots)], np.int64)
        self._cuts = np.array([len(slots[code].starts) for code in sorted(slots)], np.int64)
        self._overlap = overlap_of(group)
        self._names = timed_columns(group)
        self.kinds = {f"c{n}": group.source.columns[name] for n, name in enumerate(self._names)}

    def batches(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        kept: pa.Table | None = None
        for batch in batches:
            table = pa.Table.from_batches([batch])
            codes = table.column(CODE).to_numpy()
            is_hot = np.isin(codes, self._codes)
            yield from table.filter(pa.array(~is_hot)).to_batches()
            hot = table.filter(pa.array(is_hot))
            if not len(hot):
                continue
            yield from self._renumbered(hot, *self._near(self._rows(hot))).to_batches()
            both = hot if kept is None else pa.concat_tables([kept, hot])
            kept = both.take(pa.array(self._candidates(self._rows(both)))).combine_chunks()
        if kept is not None:
            yield from self._renumbered(kept, *self._carried(self._rows(kept))).to_batches()

    def _rows(self, table: pa.Table) -> Rows:
        """The table's rows that happened and may be seen by a decision, with their places in it."""
        found = from_physical_table(table, {CODE: "int64", **self.kinds})
        codes = found.pop(CODE).values
        columns: dict[str, Column] = dict(zip(self._names, found.values(), strict=True))
        columns[PLACE] = Column("int64", np.arange(len(table)), np.ones(len(table), np.bool_))
        matched = Matched(codes, columns)
        rows = rows_of(self._group.source, matched, columns=(*self._group.columns, PLACE), ties=self._group.ties)
        return rows.take(np.flatnonzero(self._sight.seen_from(rows.times, rows.known) <= self._until))

    def _near(self, rows: Rows) -> tuple[Integers, Integers]:
        """(place, number): rows for the slices of the decisions that see them first, and of those they can reach."""
        low, high = self._span(rows)
        repeats = high - low + 1
        owner = np.repeat(np.arange(len(low)), repeats)
        step = np.arange(len(owner)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
        return rows.columns[PLACE].values[owner], self._first(rows)[owner] + low[owner] + step

    def _candidates(self, rows: Rows) -> Integers:
        """Places of the rows that later slices might want: of those first seen in one slice the last."""
        low, _ = self._span(rows)
        numbered = Rows(self._first(rows) + low, rows.times, rows.known, rows.columns, rows.ties)
        whole = np.ones(len(low), np.bool_)
        last = last_visible(numbered, whole, remembered(self._group, rows))
        return np.asarray(rows.columns[PLACE].values[last], np.int64)

    def _carried(self, rows: Rows) -> tuple[Integers, Integers]:
        """(place, number): for each slice the last rows seen before it, unless they are near it anyway."""
        low, high = self._span(rows)
        first, conditions = self._first(rows), remembered(self._group, rows)
        cuts = self._cuts[np.searchsorted(self._codes, rows.entities)]
        places, numbers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number in range(1, 1 + int(self._cuts.max())):
            last = last_visible(rows, low < number, conditions)
            last = last[(high[last] < number) & (number <= cuts[last])]
            places.append(rows.columns[PLACE].values[last])
            numbers.append(first[last] + number)
        return np.concatenate(places), np.concatenate(numbers)

    def _span(self, rows: Rows) -> tuple[Integers, Integers]:
        """The first and the last slice that is given each row because it is near."""
        low, high = np.zeros(len(rows.times), np.int64), np.zeros(len(rows.times), np.int64)
        seen = self._sight.seen_from(rows.times, rows.known)
        for code, own in self._slots.items():
            chosen = np.flatnonzero(rows.entities == code)
            low[chosen] = own.of(seen[chosen])
            high[chosen] = np.maximum(low[chosen], own.of(rows.times[chosen] + self._overlap))
        return low, high

    def _first(self, rows: Rows) -> Integers:
        """The number of the first slice of each row's entity."""
        return self._firsts[np.searchsorted(self._codes, rows.entities)]

    def _renumbered(self, table: pa.Table, places: Integers, numbers: Integers) -> pa.Table:
        chosen = table.take(pa.array(places))
        return chosen.set_column(0, CODE, pa.array(numbers, pa.int64()))


def _applied(spreading: Spreading) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    def spread_out(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        return spreading.batches(batches)

    return spread_out
