"""The one-machine engine: DuckDB reads, matches keys and writes; the kernel computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from assembly_line.features.assembly import (
    DECISION_ID,
    DECISION_TIME,
    add_derived,
    identifying_columns,
    maturity_column,
    outcome_values,
    reach_of,
    select_decisions,
    static_features,
    timed_columns,
    timed_rows,
)
from assembly_line.features.attempts import Built
from assembly_line.features.columns import Column
from assembly_line.features.decision_id_sql import decision_id_sql
from assembly_line.features.duckdb_reader import DuckdbReader
from assembly_line.features.duckdb_session import THREADS, connect, write_parquet
from assembly_line.features.evaluation import Decisions, evaluate
from assembly_line.features.planning import MEMORY_SHARE
from assembly_line.features.plans import Plan
from assembly_line.features.released_scripts import Scripts
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
        columns = dataset_columns(plan, spine, reader, parts=parts_of(plan, bound), scripts=scripts)
        identifier = decision_id_sql(plan.line.name, plan.line.decision.keys, f"epoch_us({DECISION_TIME})")
        write_parquet(connection, columns, target, first={DECISION_ID: identifier})
        findings = tuple(source_rules(plan, reader))
    return Built(
        engine="duckdb",
        versions={"duckdb": duckdb.__version__, "numpy": np.__version__},
        rows=len(spine.times),
        spine_rows=spine.spine_rows,
        excluded=spine.excluded,
        duplicates=spine.duplicates,
        findings=findings,
    )


def parts_of(plan: Plan, bound_mib: int) -> int:
    """In how many parts the entities are taken, so that one part's events fit."""
    return max(1, -(-plan.estimate.memory_mib // max(bound_mib, 1)))


def dataset_columns(
    plan: Plan, spine: Spine, reader: DuckdbReader, *, parts: int = 1, scripts: Scripts | None = None
) -> dict[str, Column]:
    """Every column of the dataset but the decision's id, in order, for the decisions of the spine."""
    workload = workload_of(plan.line, plan.features)
    values: dict[str, Column] = {}
    for static in workload.static:
        values |= static_features(static, spine.keys, reader)
    for timed in workload.timed:
        values |= _timed_features(plan, timed, spine, reader, parts=parts, scripts=scripts)
    add_derived(workload, values)
    columns = identifying_columns(spine) | {name: values[name] for name in plan.features}
    if plan.with_outcome:
        columns[plan.line.outcome.name] = outcome_values(plan.line, spine.keys, spine.times, spine.ends, reader)
        columns |= maturity_column(spine)
    return columns


def _timed_features(
    plan: Plan, group: TimedGroup, spine: Spine, reader: DuckdbReader, *, parts: int, scripts: Scripts | None
) -> dict[str, Column]:
    """One part of the entities after the other, so that memory holds one part's events."""
    decisions = Decisions(reader.codes({name: spine.keys[name] for name in group.keys}), spine.times)
    sight = sight_of(group.source, plan.line.decision.boundary)
    bounds = reach_of(group, spine.times)
    whole: dict[str, Column] = {}
    for part in range(parts):
        chosen = np.flatnonzero(decisions.entities % parts == part)
        rows = timed_rows(group, reader.matched(group.source, group.keys, timed_columns(group), bounds, (part, parts)))
        answers = evaluate(group.features, decisions.take(chosen), rows, sight, threads=THREADS, scripts=scripts)
        if parts == 1:
            return answers
        for name, column in answers.items():
            into = whole.setdefault(name, column.of_length(len(spine.times)))
            into.values[chosen], into.valid[chosen] = column.values, column.valid
    return whole
