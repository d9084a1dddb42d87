"""The cases beside the engines, such as a dataset request, the queue's handler, a scored batch, `line` and imports."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.processes import PROJECT, run
from benchmarks.stations.imports import BARE

Costs = dict[str, Any]
LIMIT_SECONDS = 300.0
FULL_SECONDS = 3600.0
TURNS = 5
STATIONS = (
    "dataset_request",
    "collector",
    "synthesis",
    "late",
    "publishing",
    "ledger",
    "startup",
    "bootstrap",
    "training_run",
)


def measure(say: Callable[[str], None]) -> Costs:
    """Every figure, by name."""
    costs: Costs = {}
    for name in STATIONS:
        costs[name] = _answer(f"benchmarks.stations.{name}")
        say(f"{name}: " + ", ".join(f"{what} {value:,.2f}" for what, value in costs[name].items()))
    costs["imports"] = _imports()
    say("imports: " + ", ".join(f"{module} {found['cpu_seconds']:.2f} s" for module, found in costs["imports"].items()))
    return costs


def _imports() -> Costs:
    """The least of several turns for each handler and for a bare boto3 client."""
    handlers = [f"lambdas.{path.parent.name}.handler" for path in sorted((PROJECT / "lambdas").glob("*/handler.py"))]
    found: Costs = {}
    for _ in range(TURNS):
        for module in (BARE, *handlers):
            answer = _answer("benchmarks.stations.imports", module)
            if module not in found or answer["cpu_seconds"] < found[module]["cpu_seconds"]:
                found[module] = answer
    return found


def _answer(module: str, *arguments: str) -> Costs:
    seconds = FULL_SECONDS if os.environ.get("BENCH") == "full" else LIMIT_SECONDS
    return run([sys.executable, "-m", module, *arguments], seconds=seconds)
