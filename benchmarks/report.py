"""What a run found, for people and for the file that is kept."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.costs import Costs
from benchmarks.figures import Figure
from benchmarks.goals import Goal
from benchmarks.tables import Tables

SCHEMA = "assembly-line/benchmarks"
GIB = 1 << 30
MET = {True: "met", False: "MISSED", None: "-"}


def document(tables: list[Tables], figures: list[Figure], costs: Costs, goals: list[Goal]) -> dict[str, Any]:
    """Everything that was measured, without a path."""
    floors = {(figure.case, figure.size): figure.seconds for figure in figures if figure.engine == "iofloor"}
    return {
        "schema": SCHEMA,
        "version": 1,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": _machine(),
        "tables": {size.name: {"events": size.events, "spine_rows": size.spine_rows} for size in tables},
        "figures": [
            _rounded(
                {**figure.to_json(), "times_iofloor": _ratio(figure.seconds, floors.get((figure.case, figure.size)))}
            )
            for figure in figures
        ],
        "costs": _rounded(costs),
        "goals": [goal.to_json() for goal in goals],
    }


def show(figures: list[Figure], goals: list[Goal]) -> None:
    """Print the ratios and the goals."""
    console = Console(width=None if Console().is_terminal else 120)
    table = Table(
        "case", "spine", "engine", "seconds", "x iofloor", "MiB", title="Datasets, quickest of the repetitions"
    )
    for row in _rows(figures):
        table.add_row(*row)
    for column in table.columns[3:]:
        column.justify = "right"
    console.print(table)
    judged = Table("#", "what", "goal", "found", "", title="Goals")
    for goal in goals:
        style = "red" if goal.met is False else ""
        judged.add_row(str(goal.number), goal.what, goal.asked, goal.found, MET[goal.met], style=style)
    console.print(judged)
    for goal in goals:
        if goal.reason:
            console.print(f"{goal.number}, {goal.what}: {goal.reason}.")


def _rows(figures: list[Figure]) -> Iterator[tuple[str, ...]]:
    floors = {(figure.case, figure.size): figure.seconds for figure in figures if figure.engine == "iofloor"}
    for figure in figures:
        if figure.seconds is None:
            yield figure.case, figure.size, figure.engine, "left out", "", figure.reason or ""
        else:
            ratio = _ratio(figure.seconds, floors.get((figure.case, figure.size)))
            times = "" if ratio is None else f"{ratio:.1f}"
            engine = f"{figure.engine} (extrapolated)" if figure.measured else figure.engine
            yield figure.case, figure.size, engine, f"{figure.seconds:.3f}", times, str(figure.mib)


def _ratio(seconds: float | None, floor: float | None) -> float | None:
    return None if seconds is None or floor is None else seconds / floor


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    if described.exists():
        for line in described.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items() if part is not None}
    return value
