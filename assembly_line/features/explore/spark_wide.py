"""A wide table on Spark: the rows that the distributed engine computes for a dataset, stored by month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from assembly_line.declarations.checks import MONTH
from assembly_line.declarations.explore.wide_tables import OCCASION
from assembly_line.features.engines.engine_spark import joined, joined_kinds
from assembly_line.features.engines.spark_groups import ROW
from assembly_line.features.engines.spark_reader import Fetch, SparkReader
from assembly_line.features.explore.periods import local_days, months_of
from assembly_line.features.explore.spark_months import PutMonth, StoredMonth, stored_months
from assembly_line.features.explore.wide_planning import columns_of
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import workload_of
from assembly_line.features.spine.assembly import add_derived, identifying_columns, static_features
from assembly_line.features.spine.decisions import select_decisions
from assembly_line.features.spine.spine import Spine
from assembly_line.features.values.columns import Column
from assembly_line.features.values.dataset_columns import DECISION_TIME

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from assembly_line.features.values.released_scripts import Scripts


def materialise_wide(
    plan: Plan, spark: SparkSession, *, fetch: Fetch, put: PutMonth, scripts: Scripts
) -> list[StoredMonth]:
    """Compute and store every month of a wide table, in order.

    Equal sources give equal files: rows are in order of occasion and keys.

    Args:
        plan: what `wide_plan` made.
        scripts: content of the plan's scripts, by name; sent to the workers.

    Raises:
        SourceUnreadable, QualityGateFailed, ValueOutOfRange, FeatureFunctionFailed: as for a dataset; from a worker
            wrapped by Spark.
    """
    reader = SparkReader(spark, plan.inputs, fetch)
    spine = select_decisions(plan, reader)
    if not len(spine.times):
        return []
    workload = workload_of(plan.line, plan.features)
    columns = {**identifying_columns(spine), MONTH: _months(plan, spine)}
    for group in workload.static:
        columns |= static_features(group, spine.keys, reader)
    frame = joined(plan, spine, workload, columns, reader, scripts=scripts)
    written = columns_of(plan)

    def finish(rows: dict[str, Column]) -> dict[str, Column]:
        order = np.argsort(rows[ROW].values)
        values = {name: column.take(order) for name, column in rows.items()}
        add_derived(workload, values)
        values[OCCASION] = values[DECISION_TIME]
        return {name: values[name] for name in written}

    return stored_months(frame, {ROW: "int64", **joined_kinds(plan, workload, columns)}, finish, put)


def _months(plan: Plan, spine: Spine) -> Column:
    """The month of each occasion, in the zone of the cadence."""
    found = np.empty(len(spine.times), np.object_)
    found[:] = months_of(local_days(spine.times, plan.line.decision.zone))
    return Column("string", found, np.ones(len(found), np.bool_))
