"""`python -m benchmarks`: measure everything, compare the answers, say which goals are met, keep the figures.

Variables: BENCH=full adds the tables wide, x10, x100 and late x10; FEAST=0 leaves Feast out; TABLES=10k,100k measures
these only, and keeps nothing.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from assembly_line.features import TypedFile
from benchmarks import costs, datasets, plot, report
from benchmarks.datasets import LATE_SIZES
from benchmarks.flight_tables import make_late
from benchmarks.goals import goals
from benchmarks.tables import Tables, make_events, make_one, make_tables, make_wide

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
PICTURE = ROOT / "docs" / "benchmarks.svg"
ROWS = {"10k": 10_000, "100k": 100_000}
MADE = {"wide": make_wide, "one": make_one}
COPIES = {"x10": 10, "x100": 100}


def main() -> int:
    started = time.monotonic()

    def say(sentence: str) -> None:
        print(f"{time.monotonic() - started:6.0f} s  {sentence}", flush=True)

    full = os.environ.get("BENCH") == "full"
    wanted = os.environ.get("TABLES")
    large = ["wide", *COPIES, *LATE_SIZES[1:]] if full else []
    sizes = wanted.split(",") if wanted else ["10k", "100k", "x1", "one", LATE_SIZES[0], *large]
    with tempfile.TemporaryDirectory(prefix="bench-") as place:
        tables = _tables(sizes, Path(place))
        say("tables made: " + ", ".join(f"{size.name} {size.spine_rows:,} decisions" for size in tables))
        figures = datasets.measure(tables, with_feast=os.environ.get("FEAST") != "0", say=say)
        found = costs.measure(say)
        judged = goals(figures, found)
        results = report.document(tables, figures, found, judged)
    report.show(figures, judged)
    if not wanted:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        PICTURE.write_text(plot.svg(results))
        say(f"wrote {RESULTS.relative_to(ROOT)} and {PICTURE.relative_to(ROOT)}")
    return 0


def _tables(sizes: list[str], folder: Path) -> list[Tables]:
    events = make_events(folder)
    return [_table(name, events, folder / name) for name in sizes]


def _table(name: str, events: list[TypedFile], folder: Path) -> Tables:
    if name in MADE:
        return MADE[name](folder)
    if name in LATE_SIZES:
        return make_late(name, folder, copies=10 if name == LATE_SIZES[1] else 1)
    return make_tables(name, events, folder, copies=COPIES.get(name, 1), rows=ROWS.get(name))


if __name__ == "__main__":
    sys.exit(main())
