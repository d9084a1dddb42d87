"""One measured process: it is handed a task as JSON, works it several times, and says how long it took.

Standard library only: some engines run in environments of their own, without the project's packages.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Task:
    """What an engine is to do.

    Args:
        case: `latest`, `windowed`, `wide` or `late`.
        sources: source of events -> its Parquet files.
        columns: source of events -> the value columns that the case reads.
        tables: every other table that the case reads -> its Parquet files.
        output: the Parquet file to write.
        answers: the line's own output, for the engine that only writes it again.
        plan: the line's plan as JSON; other engines do not look at it.
        repeats: how often the work is done; the quickest counts.
        memory_mib: of the machine that the line is told to fit in.
        one_of: the engine is asked for one of so many decisions.
    """

    case: str
    sources: dict[str, list[str]]
    columns: dict[str, list[str]]
    tables: dict[str, list[str]]
    output: str
    answers: str
    plan: str
    repeats: int
    memory_mib: int
    one_of: int = 1

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))


def serve(prepare: Callable[[Task], Callable[[], None]], versions: Mapping[str, str]) -> None:
    """Work the task named on the command line and print what it took.

    Args:
        prepare: returns the work to measure; what it does itself (sessions, stores that must exist) is not measured.
        versions: library -> version.
    """
    task = Task(**json.loads(Path(sys.argv[1]).read_text()))
    work = prepare(task)
    taken = []
    for _ in range(task.repeats):
        started, cpu = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - started, time.process_time() - cpu))
    seconds, cpu = min(taken)
    said = {"seconds": seconds, "cpu_seconds": cpu, "mib": peak_mib(), "versions": dict(versions)}
    print(json.dumps(said))


def peak_mib() -> int:
    """The most memory that this process ever held, in MiB.

    On Linux not by getrusage: its figure begins with that of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return int(lines["VmHWM"].split()[0]) // KIB
    unit = KIB * KIB if sys.platform == "darwin" else KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
