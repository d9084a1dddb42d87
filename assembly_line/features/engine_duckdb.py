"""The one-machine engine: DuckDB reads, matches keys and writes; the kernel computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from assembly_line.features.assembly import (
    DECISION_ID,
    add_derived,
    identifying_columns,
    maturity_column,
    static_features,
)
from assembly_line.features.attempts import Built
from assembly_line.features.columns import Column
from assembly_line.features.decision_id_sql import columns_of_times, decision_id_sql
from assembly_line.features.decisions import select_decisions
from assembly_line.features.duckdb_groups import GroupOnOneMachine
from assembly_line.features.duckdb_reader import DuckdbReader
from assembly_line.features.duckdb_session import connect, write_parquet
from assembly_line.features.evaluation import Decisions
from assembly_line.features.memory import held_mib, rows_at_once
from assembly_line.features.outcome_values import outcome_values
from assembly_line.features.planning import MEMORY_SHARE
from assembly_line.features.plans import Plan
from assembly_line.features.released_scripts import Scripts
from assembly_line.features.sampling import draw
from assembly_line.features.semantics import sight_of
from assembly_line.features.source_rules import source_rules
from assembly_line.features.spine import Spine
from assembly_line.features.workload import TimedGroup, workload_of


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
        outcome = outcome_values(plan.line, spine.keys, spine.times, spine.ends, reader) if plan.with_outcome else {}
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
    return GroupOnOneMachine(
        group=group,
        decisions=Decisions(reader.codes({name: spine.keys[name] for name in group.keys}), spine.times),
        sight=sight_of(group.source, plan.line.decision.boundary),
        reader=reader,
        rows=sum(item.rows for source in group.source.loaded for item in plan.inputs[source.name].objects),
        limit=limit,
        scripts=scripts,
    ).features()
