"""The one-machine engine: DuckDB reads, matches keys and writes; the kernel computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.engines.decision_id_sql import columns_of_times, decision_id_sql
from assembly_line.features.engines.duckdb_groups import Evaluation, GroupOnOneMachine
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.files.session import THREADS, connect, write_parquet
from assembly_line.features.kernel.evaluation import evaluate
from assembly_line.features.kernel.window_queries import Decisions, Rows
from assembly_line.features.model.memory import MEMORY_SHARE, held_mib, rows_at_once
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import Keys, TimedGroup, outcome_group, workload_of
from assembly_line.features.sources.activity import activities
from assembly_line.features.sources.attempts import Built
from assembly_line.features.sources.joins import Join, join_of, looked_at
from assembly_line.features.sources.source_rules import source_rules
from assembly_line.features.spine.assembly import add_derived, identifying_columns, maturity_column, static_features
from assembly_line.features.spine.decisions import select_decisions
from assembly_line.features.spine.outcome_values import horizons_of, outcome_of
from assembly_line.features.spine.sampling import draw
from assembly_line.features.spine.spine import Spine
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.dataset_columns import DECISION_ID
from assembly_line.features.values.released_scripts import Scripts
from assembly_line.features.values.semantics import sight_of


def build_on_duckdb(
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
        FeatureFunctionFailed: a UDF does not keep its contract.
    """
    bound = int(memory_mib * MEMORY_SHARE)
    with connect(target.parent, memory_mib=bound) as connection:
        reader = DuckdbReader(connection, files)
        work = _Work(plan, reader, bound, scripts)
        spine = select_decisions(plan, reader)
        drawn = draw(plan, spine, work.outcome(spine) if plan.with_outcome else {})
        spine = drawn.spine
        columns = work.columns(spine)
        columns |= drawn.outcome | (maturity_column(spine) if plan.with_outcome else {})
        identifier = decision_id_sql(plan.line.decision.keys)
        heads = columns_of_times(connection, plan.line.name, spine.times)
        write_parquet(connection, columns, target, first={DECISION_ID: identifier}, beside=heads)
        findings = tuple(source_rules(plan, reader))
        activity = activities(plan, spine.times, reader)
    return Built(
        engine="duckdb",
        versions={"duckdb": duckdb.__version__, "numpy": np.__version__},
        rows=len(spine.times),
        spine_rows=spine.spine_rows,
        excluded=spine.excluded,
        duplicates=spine.duplicates,
        findings=findings,
        sampling=drawn.report,
        joins=work.joins,
        activity=activity,
    )


@dataclass(frozen=True, slots=True)
class _Work:
    """One build at work.

    Args:
        bound_mib: memory that all of it may take; sources that need more are read by parts.
        scripts: of the line's UDFs.
        joins: what was chosen for each source and its keys.
        decisions: those of the spine last worked on, by keys.
    """

    plan: Plan
    reader: DuckdbReader
    bound_mib: int
    scripts: Scripts | None
    joins: dict[str, Join] = field(default_factory=dict)
    decisions: dict[Keys, Decisions] = field(default_factory=dict)

    def columns(self, spine: Spine) -> dict[str, Column]:
        """Every column but the decision's id and the outcome's, in order, for the decisions of the spine."""
        workload = workload_of(self.plan.line, self.plan.features)
        values: dict[str, Column] = {}
        for static in workload.static:
            values |= static_features(static, spine.keys, self.reader)
        for place, timed in enumerate(workload.timed):
            values |= self._timed(timed, spine)
            # Decisions by keys that no later group asks for make room.
            for keys in set(self.decisions) - {later.keys for later in workload.timed[place + 1 :]}:
                del self.decisions[keys]
                self.reader.forget(keys)
        add_derived(workload, values)
        return identifying_columns(spine) | {name: values[name] for name in self.plan.features}

    def outcome(self, spine: Spine) -> dict[str, Column]:
        """The columns that state the outcome, but not when it was known."""
        line = self.plan.line
        if line.outcome.value is not None:
            return dict(spine.outcome)
        horizons = horizons_of(line, spine.times, spine.ends)
        group = outcome_group(line, horizons.longest)
        decisions = self._decisions(group, spine)

        def evaluation(chosen: Integers, rows: Rows) -> dict[str, Column]:
            return outcome_of(line, decisions.take(chosen), spine.ends[chosen], rows)

        at_the_end = Decisions(decisions.entities, horizons.latest)
        return self._answers(f"outcome {line.outcome.name}", group, at_the_end, "at_or_before", evaluation)

    def _timed(self, group: TimedGroup, spine: Spine) -> dict[str, Column]:
        boundary = self.plan.line.decision.boundary
        decisions, sight = self._decisions(group, spine), sight_of(group.source, boundary)

        def evaluation(chosen: Integers, rows: Rows) -> dict[str, Column]:
            some = decisions.take(chosen)
            return evaluate(group.features, some, rows, sight, threads=THREADS, scripts=self.scripts)

        return self._answers(group.name, group, decisions, boundary, evaluation)

    def _answers(
        self, name: str, group: TimedGroup, decisions: Decisions, boundary: str, evaluation: Evaluation
    ) -> dict[str, Column]:
        looked = looked_at(group, decisions)
        self.joins[name] = join_of(group, looked)
        workload = workload_of(self.plan.line, self.plan.features)
        held = held_mib(self.plan.line, workload, len(decisions.times))
        return GroupOnOneMachine(
            group=group,
            decisions=decisions,
            sight=sight_of(group.source, boundary),
            reader=self.reader,
            looked=looked,
            rows=self._planned_rows(group.source),
            limit=rows_at_once(group, bound_mib=self.bound_mib, held=held),
            evaluation=evaluation,
        ).values()

    def _decisions(self, group: TimedGroup, spine: Spine) -> Decisions:
        """The spine's decisions for a group; the same object for groups of the same keys, so that it is sorted once."""
        codes = self.reader.codes({name: spine.keys[name] for name in group.keys})
        known = self.decisions.get(group.keys)
        if known is None or known.entities is not codes or known.times is not spine.times:
            known = self.decisions[group.keys] = Decisions(codes, spine.times)
        return known

    def _planned_rows(self, source: Source) -> int:
        return sum(item.rows for loaded in source.loaded for item in self.plan.inputs[loaded.name].objects)
