"""A dataset recomputed here and compared, and two datasets compared."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.record.dataset_changes import changes
from assembly_line.features.record.manifest import logical_digest
from assembly_line.features.values.comparison import Comparison, compare
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.plain_values import rounds
from assembly_line.features.values.semantics import SEMANTICS_VERSION

if TYPE_CHECKING:
    from assembly_line.features.model.plans import Plan
    from assembly_line.features.service.recorded import Recorded

MEMORY_MIB = 3008
EXAMPLES = 10
STORED = "stored rows are those of the manifest"


def verified(recorded: Recorded) -> dict[str, Any]:
    """Recompute a dataset from its recorded plan and objects, and compare, as JSON values.

    Raises:
        SourceUnreadable: an object that it was built from is gone.
    """
    began = time.monotonic()
    plan, manifest = recorded.plan, recorded.manifest
    stored = recorded.columns()
    files = {name: recorded.files(name) for name in plan.inputs}
    target = recorded.folder / "data.parquet"
    built = build_on_duckdb(plan, files, target, memory_mib=MEMORY_MIB, scripts=recorded.scripts())
    again = read_dataset(target)
    columns = [DECISION_TIME, *plan.line.decision.keys, *plan.features, *plan.outcome_columns]
    absent = [name for name in columns if name not in stored]
    rounded = {name for name in columns if rounds(plan.line, name)}
    present = [name for name in columns if name not in absent]
    found = compare(stored, again, present, rounded=rounded, examples=EXAMPLES)
    in_order = stored[DECISION_ID].values.tolist() == again[DECISION_ID].values.tolist()
    checks = {
        STORED: logical_digest(stored) == manifest.logical_digest,
        "columns are those of the plan": not absent and list(stored) == list(again),
        "decisions are the same, in the same order": in_order,
        "decisions left out are the same": dict(built.excluded) == manifest.excluded,
        "values are equal": not found.columns,
    }
    return {
        "dataset_id": plan.dataset_id,
        "line": plan.line.name,
        "semantics": {"dataset": plan.semantics, "here": SEMANTICS_VERSION},
        "equal": all(checks.values()),
        "checks": checks,
        "rows": len(stored[DECISION_ID]),
        "columns_compared": len(present),
        "built_by": asdict(manifest.engine),
        "recomputed_by": {"name": built.engine, "versions": dict(built.versions)},
        "seconds": round(time.monotonic() - began, 3),
        **_compared(found, "recorded", "recomputed"),
    }


def changed(first: Recorded, second: Recorded) -> dict[str, Any]:
    """What differs between two datasets of one line, as JSON values.

    Raises:
        RequestRefused: they are of different lines, whose decisions have nothing in common.
    """
    if first.plan.line.name != second.plan.line.name:
        raise RequestRefused(
            f"dataset {first.plan.dataset_id} is of line {first.plan.line.name}, {second.plan.dataset_id} of "
            f"{second.plan.line.name}; expected two datasets of one line",
            where="dataset",
            value=f"datasets of {first.plan.line.name} and {second.plan.line.name}",
            expected="two datasets of one line",
        )
    one, other = first.columns(), second.columns()
    common = [name for name in _values(first.plan) if name in _values(second.plan)]
    rounded = {name for name in common if rounds(first.plan.line, name) or rounds(second.plan.line, name)}
    found = compare(one, other, common, rounded=rounded, examples=EXAMPLES)
    return {
        "first": first.plan.dataset_id,
        "second": second.plan.dataset_id,
        "line": first.plan.line.name,
        **changes(first.plan, second.plan),
        "rows": {
            "first": len(one[DECISION_ID]),
            "second": len(other[DECISION_ID]),
            "common": found.common,
        },
        "excluded": {"first": first.manifest.excluded, "second": second.manifest.excluded},
        "columns_compared": common,
        **_compared(found, "first", "second"),
    }


def _values(plan: Plan) -> list[str]:
    return [*plan.features, *plan.outcome_columns]


def _compared(found: Comparison, first: str, second: str) -> dict[str, Any]:
    """`first` and `second`: how the two sides are called."""
    return {
        f"only_in_{first}": {"decisions": len(found.only_first), "such_as": list(found.only_first[:EXAMPLES])},
        f"only_in_{second}": {"decisions": len(found.only_second), "such_as": list(found.only_second[:EXAMPLES])},
        "values": {
            name: {
                "differing": one.differing,
                f"null_only_in_{first}": one.only_first_null,
                f"null_only_in_{second}": one.only_second_null,
                "largest": one.largest,
            }
            for name, one in found.columns.items()
        },
        "such_as": [
            {"decision_id": one.decision_id, "column": one.column, first: one.first, second: one.second}
            for one in found.examples
        ],
    }
