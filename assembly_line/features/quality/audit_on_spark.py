"""Features that know the future, on Spark: recomputed from rows without it, their values must stay the same.

Rows of the sampled decisions' entities alone are matched, once for all instants: an entity has a code of its own for
each of them, and a row gets it only if it was known then. Then the distributed engine goes on as ever, on these few
rows. A view is selected anew for each instant, from inputs that are cut whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assembly_line.declarations.sources import Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.engines.engine_spark import joined, joined_kinds, output_kinds
from assembly_line.features.engines.spark_groups import ROW
from assembly_line.features.engines.spark_reader import CODE, Fetch, SparkReader
from assembly_line.features.engines.spark_views import view_frame
from assembly_line.features.model.findings import Finding
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import Keys, workload_of
from assembly_line.features.quality.audit_of_counts import audit_counts
from assembly_line.features.quality.audit_of_facts import audit_facts, comparable
from assembly_line.features.quality.knowledge_samples import Sample, held_against, knowledge_findings, samples_of
from assembly_line.features.quality.leak_findings import not_run
from assembly_line.features.spine.assembly import Bounds, Matched, add_derived, identifying_columns, static_features
from assembly_line.features.spine.spine import Spine
from assembly_line.features.values.arrow_columns import from_logical, from_physical_table
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.hidden_outcomes import hidden_at
from assembly_line.features.values.knowledge_limits import known_until
from assembly_line.features.values.released_scripts import Isolated, Scripts

if TYPE_CHECKING:
    from pyspark.sql import Column as Condition
    from pyspark.sql import DataFrame, SparkSession

# No declared column has this name: it holds the number of the instant beside the keys of an entity.
SAMPLE = "the instant"
Columns = Mapping[str, Column]


def audit_knowledge_on_spark(
    plan: Plan, spark: SparkSession, dataset: Path, *, fetch: Fetch, scripts: Scripts | None = None
) -> list[Finding]:
    """Recompute a sample of a dataset's decisions without the future; hold their facts against earlier ones.

    Args:
        dataset: the Parquet file that was built.
        fetch: as for `build` of this engine.
        scripts: content of the plan's scripts, by name.
    """
    times = _read(plan, dataset, (DECISION_TIME,))
    samples = samples_of(plan, times)
    if not samples:
        return [not_run("not run: there is no decision")]
    wanted = (DECISION_ID, DECISION_TIME, *plan.line.decision.keys, *plan.features)
    rows_of_samples = np.concatenate([sample.rows for sample in samples])
    chosen = _read(plan, dataset, wanted, rows=rows_of_samples)
    again = _recomputed(plan, chosen, samples, spark=spark, fetch=fetch, scripts=Isolated(scripts or {}))
    ends = np.cumsum([len(sample.rows) for sample in samples]).tolist()
    parts = zip(samples, [0, *ends], ends, strict=False)
    found = [(sample, held_against(plan, _part(chosen, *ends), _part(again, *ends))) for sample, *ends in parts]
    # A decision may be in the samples of two instants.
    _, once = np.unique(rows_of_samples, return_index=True)
    decisions = {name: column.take(once) for name, column in chosen.items()}
    facts = audit_facts(plan, decisions, EarlierReader(spark, comparable(plan), fetch))
    counts = audit_counts(plan, decisions, SparkReader(spark, plan.inputs, fetch))
    return [*knowledge_findings(plan, found), *facts, *counts]


def _read(plan: Plan, dataset: Path, names: Sequence[str], *, rows: Integers | None = None) -> dict[str, Column]:
    """Columns of the dataset, of these rows alone (in their order) if any are given; it may be large."""
    with pq.ParquetFile(dataset) as file:
        if rows is None:
            table = file.read(list(names))
        else:
            different, places = np.unique(rows, return_inverse=True)
            table = _taken(file, names, different).take(pa.array(places))
    kinds = output_kinds(plan)
    return {name: from_logical(table.column(name).combine_chunks(), kinds[name]) for name in names}


def _taken(file: pq.ParquetFile, names: Sequence[str], rows: Integers) -> pa.Table:
    """Rows by their ascending positions."""
    start, parts = 0, []
    for batch in file.iter_batches(columns=list(names)):
        first, last = np.searchsorted(rows, (start, start + len(batch)))
        parts.append(pa.Table.from_batches([batch]).take(pa.array(rows[first:last] - start)))
        start += len(batch)
    return pa.concat_tables(parts).select(list(names))


def _recomputed(
    plan: Plan, chosen: Columns, samples: Sequence[Sample], *, spark: SparkSession, fetch: Fetch, scripts: Isolated
) -> dict[str, Column]:
    """Features of the chosen decisions, from what was known at the instant of each one's sample."""
    of_scoring = replace(plan, purpose="scoring", sampling=None)
    spine = _spine(plan, chosen)
    number = np.repeat(np.arange(len(samples)), [len(sample.rows) for sample in samples])
    cut = CutReader(spark, plan, fetch, [sample.instant for sample in samples], number)
    whole = SparkReader(spark, plan.inputs, fetch)
    workload = workload_of(plan.line, plan.features)
    columns = identifying_columns(spine)
    for group in workload.static:
        columns |= static_features(group, spine.keys, whole if group.source.sql is None else cut)
    frame = joined(of_scoring, spine, workload, columns, cut, scripts=scripts)
    kinds = joined_kinds(of_scoring, workload, columns)
    values = from_physical_table(frame.sort(ROW).toArrow(), {ROW: "int64", **kinds})
    add_derived(workload, values)
    return {DECISION_ID: chosen[DECISION_ID], **{name: values[name] for name in plan.features}}


def _spine(plan: Plan, chosen: Columns) -> Spine:
    """The decisions themselves; nothing is known of their outcomes."""
    times = chosen[DECISION_TIME].values
    return Spine(
        rows=np.arange(len(times)),
        keys={name: chosen[name] for name in plan.line.decision.keys},
        times=times,
        ends=times,
        known_at=times,
        spine_rows=len(times),
        excluded={},
        duplicates=0,
    )


def _part(columns: Columns, start: int, end: int) -> dict[str, Column]:
    return {name: column.slice(start, end) for name, column in columns.items()}


class EarlierReader(SparkReader):
    """Facts of earlier snapshots, which may be gone: whoever cannot read them says so, and goes on."""

    def matched(self, source: Source, keys: Keys, columns: Keys, bounds: Bounds = (None, None)) -> Matched:
        from pyspark.errors import PySparkException

        try:
            return super().matched(source, keys, columns, bounds)
        except PySparkException as error:
            raise SourceUnreadable(f"source {source.name}: a worker could not read it") from error


class CutReader(SparkReader):
    """Rows that were known at the instant of each decision: an entity has one code for each instant.

    Static tables are not read with it; their rows carry no time to cut them by.

    Args:
        instants: microseconds.
        number: of each decision, which of the instants is its own.
    """

    def __init__(
        self, spark: SparkSession, plan: Plan, fetch: Fetch, instants: Sequence[int], number: Integers
    ) -> None:
        super().__init__(spark, plan.inputs, fetch)
        self._session = spark
        self._boundary = plan.line.decision.boundary
        self._line = plan.line
        self._instants = instants
        self._number = Column("int64", number, np.ones(len(number), np.bool_))

    def codes(self, keys: Columns) -> Integers:
        return super().codes({**keys, SAMPLE: self._number})

    def matched_frame(self, source: Source, keys: Keys, columns: Keys, bounds: Bounds = (None, None)) -> DataFrame:
        times = tuple(name for name in (source.event_time, source.known_time) if name is not None)
        kinds = {name: source.columns[name] for name in dict.fromkeys((*keys, *columns, *times))}
        entities = self._entities[(*keys, SAMPLE)]
        number = entities[f"k{len(keys)}"]
        if source.sql is None:
            rows = self.frame(source, kinds, bounds)
            known = reduce(
                lambda one, other: one | other,
                [(number == place) & self._known(rows, source, place) for place in range(len(self._instants))],
            )
        else:
            rows = self._of_view(source, kinds)
            known = rows[f"`{SAMPLE}`"] == number
        same = [rows[f"`{name}`"] == entities[f"k{n}"] for n, name in enumerate(keys)]
        picked = [rows[f"`{name}`"].alias(f"c{n}") for n, name in enumerate(columns)]
        return rows.join(entities, on=[*same, known], how="inner").select(entities[CODE], *picked)

    def _of_view(self, view: Source, kinds: Mapping[str, str]) -> DataFrame:
        """The view's rows at each instant, beside its number."""
        from pyspark.sql import functions as sql

        selected = [
            view_frame(self._session, view, kinds, self._cut(place)).withColumn(SAMPLE, sql.lit(place))
            for place in range(len(self._instants))
        ]
        return reduce(lambda one, other: one.unionByName(other), selected)

    def _cut(self, place: int) -> Callable[[Source, Mapping[str, str]], DataFrame]:
        """Whole inputs of a view as they were known at one instant."""

        def frame(source: Source, kinds: Mapping[str, str]) -> DataFrame:
            rows = self._hiding(self.frame(source, kinds), source, place)
            return rows if source.static else rows.where(self._known(rows, source, place))

        return frame

    def _hiding(self, rows: DataFrame, source: Source, place: int) -> DataFrame:
        """The rows without what tells an outcome that is not known by the instant."""
        from pyspark.sql import functions as sql

        hidden = hidden_at(self._line, source, self._instants[place])
        if hidden is None:
            return rows
        known = rows[f"`{hidden.known}`"] <= hidden.latest
        return rows.withColumns({name: sql.when(known, rows[f"`{name}`"]) for name in hidden.columns})

    def _known(self, rows: DataFrame, source: Source, place: int) -> Condition:
        limits = known_until(source, self._instants[place], self._boundary)
        conditions = [rows[f"`{column}`"] <= latest for column, latest in limits.items()]
        return reduce(lambda one, other: one & other, conditions)
