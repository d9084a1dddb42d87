"""The one-machine engine: DuckDB reads, matches keys and writes; the kernel computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.asks import Decisions, Rows
from assembly_line.features.assembly import (
    DECISION_ID,
    add_derived,
    identifying_columns,
    maturity_column,
    static_features,
)
from assembly_line.features.attempts import Built
from assembly_line.features.columns import Column, Integers
from assembly_line.features.decision_id_sql import columns_of_times, decision_id_sql
from assembly_line.features.decisions import select_decisions
from assembly_line.features.duckdb_groups import GroupOnOneMachine
from assembly_line.features.duckdb_reader import DuckdbReader
from assembly_line.features.duckdb_session import THREADS, connect, write_parquet
from assembly_line.features.evaluation import evaluate
from assembly_line.features.memory import held_mib, rows_at_once
from assembly_line.features.outcome_values import horizons_of, outcome_of
from assembly_line.features.planning import MEMORY_SHARE
from assembly_line.features.plans import Plan
from assembly_line.features.released_scripts import Scripts
from assembly_line.features.sampling import draw
from assembly_line.features.semantics import sight_of
from assembly_line.features.source_rules import source_rules
from assembly_line.features.spine import Spine
from assembly_line.features.workload import TimedGroup, outcome_group, workload_of


def build(
    plan: Plan, files: Mapping[str, Sequence[Path]], target: Path, *, memory_mib: int, scripts: Scripts | None = None
) -> Built:
    """Build the dataset of a plan into one Parquet file.

    Args:
        files: source name -> local Parquet files of the plan's objects; all in or below the folder of `target`.
        target: the Parquet file to write; DuckDB spills beside it.
        memory_mib: memory of this machine.
        scripts: content of the plan's scripts, by name.

    Raises:
        SourceUnreadable: a file is not what the lake wrote.
        QualityGateFailed: a static source states two values for one entity.
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
        FeatureFunctionFailed: an own function does not keep its contract.
    """
    bound = int(memory_mib * MEMORY_SHARE)
    with connect(target.parent, memory_mib=bound) as connection:
        reader = DuckdbReader(connection, files)
        spine = select_decisions(plan, reader)
        outcome = _outcome(plan, spine, reader, bound_mib=bound) if plan.with_outcome else {}
        drawn = draw(plan, spine, outcome)
        spine = drawn.spine
        columns = dataset_columns(plan, spine, reader, bound_mib=bound, scripts=scripts)
        columns |= drawn.outcome | (maturity_column(spine) if plan.with_outcome else {})
        identifier = decision_id_sql(plan.line.decision.keys)
        heads = columns_of_times(connection, plan.line.name, spine.times)
        write_parquet(connection, columns, target, first={DECISION_ID: identifier}, beside=heads)
        findings = tuple(source_rules(plan, reader))
    return Built(
        engine="duckdb",
        versions={"duckdb": duckdb.__version__, "numpy": np.__version__},
        rows=len(spine.times),
        spine_rows=spine.spine_rows,
        excluded=spine.excluded,
        duplicates=spine.duplicates,
        findings=findings,
        sampling=drawn.report,
    )


def dataset_columns(
    plan: Plan, spine: Spine, reader: DuckdbReader, *, bound_mib: int, scripts: Scripts | None = None
) -> dict[str, Column]:
    """Every column but the decision's id and the outcome's, in order, for the decisions of the spine.

    Args:
        bound_mib: memory that all of it may take; sources that need more are read by parts.
        scripts: of the line's own functions.
    """
    workload = workload_of(plan.line, plan.features)
    held = held_mib(plan.line, workload, len(spine.times))
    values: dict[str, Column] = {}
    for static in workload.static:
        values |= static_features(static, spine.keys, reader)
    for timed in workload.timed:
        limit = rows_at_once(timed, bound_mib=bound_mib, held=held)
        values |= _timed_features(plan, timed, spine, reader, limit=limit, scripts=scripts)
    add_derived(workload, values)
    return identifying_columns(spine) | {name: values[name] for name in plan.features}


def _timed_features(
    plan: Plan, group: TimedGroup, spine: Spine, reader: DuckdbReader, *, limit: int, scripts: Scripts | None
) -> dict[str, Column]:
    decisions = Decisions(reader.codes({name: spine.keys[name] for name in group.keys}), spine.times)
    sight = sight_of(group.source, plan.line.decision.boundary)

    def evaluation(chosen: Integers, rows: Rows) -> dict[str, Column]:
        some = decisions.take(chosen)
        return evaluate(group.features, some, rows, sight, threads=THREADS, scripts=scripts)

    return GroupOnOneMachine(
        group=group,
        decisions=decisions,
        sight=sight,
        reader=reader,
        rows=_planned_rows(plan, group.source),
        limit=limit,
        evaluation=evaluation,
    ).values()


def _outcome(plan: Plan, spine: Spine, reader: DuckdbReader, *, bound_mib: int) -> dict[str, Column]:
    """The columns that state the outcome, but not when it was known."""
    line = plan.line
    horizons = horizons_of(line, spine.times, spine.ends)
    group = outcome_group(line, horizons.longest)
    codes = reader.codes({name: spine.keys[name] for name in group.keys})
    decisions = Decisions(codes, spine.times)
    limit = rows_at_once(group, bound_mib=bound_mib, held=held_mib(line, workload_of(line, plan.features), len(codes)))

    def evaluation(chosen: Integers, rows: Rows) -> dict[str, Column]:
        return outcome_of(line, decisions.take(chosen), spine.ends[chosen], rows)

    return GroupOnOneMachine(
        group=group,
        decisions=Decisions(codes, horizons.latest),
        sight=sight_of(group.source, "at_or_before"),
        reader=reader,
        rows=_planned_rows(plan, group.source),
        limit=limit,
        evaluation=evaluation,
    ).values()


def _planned_rows(plan: Plan, source: Source) -> int:
    return sum(item.rows for loaded in source.loaded for item in plan.inputs[loaded.name].objects)
