"""Our one-machine engine, as the dataset handler calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from assembly_line.features import build_on_duckdb, plan_from_json
from benchmarks.child import Task, serve


def prepare(task: Task) -> Callable[[], None]:
    plan = plan_from_json(json.loads(task.plan))
    files = {**task.sources, **task.tables}
    paths = {name: [Path(file) for file in files[name]] for name in plan.inputs}

    def work() -> None:
        build_on_duckdb(plan, paths, Path(task.output), memory_mib=task.memory_mib)

    return work


if __name__ == "__main__":
    serve(prepare, {})
