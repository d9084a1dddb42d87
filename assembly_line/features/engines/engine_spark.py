"""The distributed engine: Spark brings each entity's events and decisions together, the same kernel computes.

The spine and the static facts about it must fit on the driver; events never go there. One worker writes the single
output file, streaming.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.features.engines.spark_groups import ROW, Step, answered
from assembly_line.features.engines.spark_reader import Fetch, SparkReader
from assembly_line.features.engines.spark_slices import spread
from assembly_line.features.kernel.evaluation import evaluate
from assembly_line.features.kernel.window_queries import Decisions
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import TimedGroup, Workload, keys_of, kind_of, outcome_group, workload_of
from assembly_line.features.sources.activity import activities
from assembly_line.features.sources.attempts import Built
from assembly_line.features.sources.joins import join_of_everything
from assembly_line.features.sources.source_rules import source_rules
from assembly_line.features.spine.assembly import (
    Matched,
    add_derived,
    identifying_columns,
    maturity_column,
    reach_of,
    static_features,
    timed_columns,
    timed_rows,
)
from assembly_line.features.spine.decisions import select_decisions
from assembly_line.features.spine.many_decision_ids import decision_ids
from assembly_line.features.spine.outcome_values import horizons_of, outcome_from, outcome_reads
from assembly_line.features.spine.sampling import Drawn, draw
from assembly_line.features.spine.spine import Spine
from assembly_line.features.values.arrow_columns import from_physical_table, logical_type, to_logical
from assembly_line.features.values.columns import Column, Integers, null_column
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.released_scripts import Scripts
from assembly_line.features.values.semantics import sight_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# Stores a local Parquet file and returns its key; sent to a worker, so it must be picklable.
Put = Callable[[Path], str]
DATA_KEY = "data_key"


def build_on_spark(
    plan: Plan, spark: SparkSession, *, fetch: Fetch, put: Put, scripts: Scripts | None = None
) -> tuple[Built, str]:
    """Build the dataset of a plan into one Parquet object.

    Args:
        fetch: copies an object of the lake, by key and version, to a path; called on the workers.
        put: stores the finished file and returns its key; called on a worker.
        scripts: content of the plan's scripts, by name; sent to the workers.

    Returns:
        What was built, and the key that `put` gave.

    Raises:
        SourceUnreadable, QualityGateFailed, ValueOutOfRange, FeatureFunctionFailed: as the one-machine engine; from a
            worker wrapped by Spark.
    """
    import pyspark

    reader = SparkReader(spark, plan.inputs, fetch)
    drawn = _drawn(plan, select_decisions(plan, reader), reader)
    spine = drawn.spine
    workload = workload_of(plan.line, plan.features)
    columns = identifying_columns(spine)
    for group in workload.static:
        columns |= static_features(group, spine.keys, reader)
    if plan.with_outcome:
        columns |= drawn.outcome | maturity_column(spine)
    frame = joined(plan, spine, workload, columns, reader, scripts=scripts) if len(spine.times) else None
    data_key = _empty(plan, put) if frame is None else _written(plan, workload, columns, frame, put)
    built = Built(
        engine="spark",
        versions={"spark": pyspark.__version__, "numpy": np.__version__},
        rows=len(spine.times),
        spine_rows=spine.spine_rows,
        excluded=spine.excluded,
        duplicates=spine.duplicates,
        findings=tuple(source_rules(plan, reader)),
        sampling=drawn.report,
        joins={group.name: join_of_everything(group) for group in workload.timed},
        activity=activities(plan, spine.times, reader),
    )
    return built, data_key


def output_kinds(plan: Plan) -> dict[str, str]:
    """Column -> type of the dataset, in order."""
    line = plan.line
    kinds = {"decision_id": "string", "decision_time": "timestamp", **line.decision.keys}
    kinds |= {name: kind_of(line, name) for name in plan.features}
    return kinds | plan.outcome_columns


def joined(
    plan: Plan,
    spine: Spine,
    workload: Workload,
    columns: Mapping[str, Column],
    reader: SparkReader,
    *,
    scripts: Scripts | None,
) -> DataFrame:
    """What the driver knows of each decision, beside what the workers computed; its position in `row`.

    Args:
        columns: what the driver knows.
    """
    whole = np.ones(len(spine.times), np.bool_)
    local = {ROW: Column("int64", np.arange(len(whole)), whole), **columns}
    frames = [reader.local_frame(local), *(_timed(plan, group, spine, reader, scripts) for group in workload.timed)]
    if plan.with_outcome and plan.line.outcome.name not in columns:
        frames.append(_outcome(plan, spine, reader))
    return reduce(lambda left, right: left.join(right, on=ROW, how="inner"), frames)


def joined_kinds(plan: Plan, workload: Workload, columns: Mapping[str, Column]) -> dict[str, str]:
    """Column -> type of what `joined` gives, beside the position."""
    kinds = {name: column.kind for name, column in columns.items()}
    kinds |= {name: kind_of(plan.line, name) for group in workload.timed for name in group.features}
    return kinds | plan.outcome_columns


def _written(plan: Plan, workload: Workload, columns: Mapping[str, Column], frame: DataFrame, put: Put) -> str:
    kinds = joined_kinds(plan, workload, columns)
    ordered = frame.repartition(1).sortWithinPartitions(ROW)
    written = ordered.mapInArrow(_writing(plan, workload, kinds, put), f"{DATA_KEY} string").collect()
    return str(written[0][DATA_KEY])


def _timed(plan: Plan, group: TimedGroup, spine: Spine, reader: SparkReader, scripts: Scripts | None) -> DataFrame:
    names = timed_columns(group)
    codes = reader.codes({name: spine.keys[name] for name in group.keys})
    rows = reader.matched_frame(group.source, group.keys, names, reach_of(group, spine.times))
    sight = sight_of(group.source, plan.line.decision.boundary)

    def evaluation(decisions: Decisions, _: Integers, matched: Matched) -> Mapping[str, Column]:
        return evaluate(group.features, decisions, timed_rows(group, matched), sight, scripts=scripts)

    step = Step(
        {name: group.source.columns[name] for name in names},
        {name: kind_of(plan.line, name) for name in group.features},
        evaluation,
    )
    decisions, rows = spread(reader, group, Decisions(codes, spine.times), sight, rows)
    return answered(reader, decisions, spine.ends, rows, step)


def _drawn(plan: Plan, spine: Spine, reader: SparkReader) -> Drawn:
    """The decisions that are kept. Where that depends on their outcomes, these come to the driver first.

    Outcomes that the decisions' own rows state are there already.
    """
    if plan.with_outcome and plan.line.outcome.value is not None:
        return draw(plan, spine, spine.outcome)
    if plan.sampling is None or not plan.sampling.by_class:
        return draw(plan, spine, {})
    kinds = _outcome_kinds(plan)
    if not len(spine.times):
        return draw(plan, spine, {name: null_column(kind, 0) for name, kind in kinds.items()})
    found = from_physical_table(_outcome(plan, spine, reader).sort(ROW).toArrow(), {ROW: "int64", **kinds})
    return draw(plan, spine, {name: found[name] for name in kinds})


def _outcome_kinds(plan: Plan) -> dict[str, str]:
    """What the workers say of an outcome; when it was known, the driver knows."""
    return {name: kind for name, kind in plan.outcome_columns.items() if name != OUTCOME_KNOWN_AT}


def _outcome(plan: Plan, spine: Spine, reader: SparkReader) -> DataFrame:
    line = plan.line
    source, keys = line.outcome.source, keys_of(line.outcome.by)
    names = outcome_reads(line)
    codes = reader.codes({name: spine.keys[name] for name in keys})
    horizons = horizons_of(line, spine.times, spine.ends)
    group = outcome_group(line, horizons.longest)
    rows = reader.matched_frame(source, keys, names, reach_of(group, horizons.latest))
    at_the_end = Decisions(codes, horizons.latest)
    at_the_end, rows = spread(reader, group, at_the_end, sight_of(group.source, "at_or_before"), rows)

    def evaluation(decisions: Decisions, ends: Integers, matched: Matched) -> Mapping[str, Column]:
        return outcome_from(line, decisions, ends, matched)

    step = Step({name: source.columns[name] for name in names}, _outcome_kinds(plan), evaluation)
    return answered(reader, Decisions(at_the_end.entities, spine.times), spine.ends, rows, step)


def _writing(
    plan: Plan, workload: Workload, kinds: Mapping[str, str], put: Put
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    names = list(output_kinds(plan))

    def write(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
            path = Path(folder) / "data.parquet"
            with pq.ParquetWriter(path, _schema(plan), compression="zstd") as writer:
                for batch in batches:
                    values = from_physical_table(pa.Table.from_batches([batch]), kinds)
                    add_derived(workload, values)
                    keys = {name: values[name] for name in plan.line.decision.keys}
                    values[DECISION_ID] = decision_ids(plan.line.name, keys, values[DECISION_TIME].values)
                    writer.write_table(pa.table({name: to_logical(values[name]) for name in names}))
            yield pa.RecordBatch.from_pydict({DATA_KEY: [put(path)]})

    return write


def _empty(plan: Plan, put: Put) -> str:
    """A dataset without decisions has all its columns and no rows."""
    columns = {name: to_logical(null_column(kind, 0)) for name, kind in output_kinds(plan).items()}
    with tempfile.TemporaryDirectory(prefix="dataset-") as folder:
        path = Path(folder) / "data.parquet"
        pq.write_table(pa.table(columns), path)
        return put(path)


def _schema(plan: Plan) -> pa.Schema:
    return pa.schema([(name, logical_type(kind)) for name, kind in output_kinds(plan).items()])
