"""The cases that build datasets: every engine on every size, answers compared before a time counts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from assembly_line.embedded import RUNTIME
from assembly_line.embedded import environment as spark_variables
from assembly_line.features import Plan, building_seconds
from benchmarks.child import Task
from benchmarks.comparing import check_equal
from benchmarks.declared import CASES, columns_of, plan_of
from benchmarks.environments import NotInstalled, python_of
from benchmarks.figures import Figure
from benchmarks.processes import PROJECT, ProcessFailed, TimedOut, run
from benchmarks.tables import Tables

Say = Callable[[str], None]
ONCE_ABOVE = 2_000_000
# Another engine than the line that took this long is not asked for a larger table.
ENOUGH_SECONDS = 60.0
LIMIT_SECONDS = 300.0
LINE_LIMIT_SECONDS = 1200.0
# The range join over rows known late: 265 s of processor time on two quiet cores.
JOIN_LIMIT_SECONDS = 3600.0
# What local Spark takes before its first job, and the cores that it has.
SPARK_START_SECONDS, SPARK_CORES = 10.0, 2


@dataclass(frozen=True, kw_only=True)
class Engine:
    """One engine of a case.

    Args:
        sizes: the tables that it is asked for.
        limit_seconds: after which it is stopped.
        environment: name of the environment it needs, None for the project's own.
        same_keys: its output has the line's columns.
        samples: it would take too long, so it is asked for one of so many decisions, for the larger and the smaller
            number; what all would take lies on the line through both.
    """

    case: str
    name: str
    module: str
    sizes: tuple[str, ...]
    environment: str | None = None
    same_keys: bool = False
    repeats: int = 3
    limit_seconds: float = LIMIT_SECONDS
    variables: Mapping[str, str] = field(default_factory=dict)
    samples: tuple[int, int] | None = None


SMALL = ("10k", "100k", "x1")
ALL = (*SMALL, "x10", "x100")
LATE_SIZES = ("late", "late x10")
FEAST = Engine(
    case="latest",
    name="Feast, duckdb store",
    module="feast_store",
    sizes=("10k", "100k"),
    environment="feast",
    repeats=1,
)
ENGINES = (
    Engine(case="latest", name="line", module="line", sizes=ALL, same_keys=True),
    Engine(case="latest", name="iofloor", module="floor", sizes=ALL, same_keys=True),
    Engine(case="latest", name="DuckDB ASOF", module="duckdb_asof", sizes=ALL),
    Engine(case="latest", name="Polars ASOF", module="polars_asof", sizes=ALL, environment="bench"),
    FEAST,
    Engine(case="wide", name="line", module="line", sizes=("wide",), same_keys=True),
    Engine(case="wide", name="iofloor", module="floor", sizes=("wide",), same_keys=True),
    Engine(case="wide", name="DuckDB ASOF", module="duckdb_asof", sizes=("wide",)),
    Engine(case="wide", name="Polars ASOF", module="polars_asof", sizes=("wide",), environment="bench"),
    Engine(case="windowed", name="line", module="line", sizes=(*ALL, "one"), same_keys=True),
    Engine(case="windowed", name="iofloor", module="floor", sizes=(*ALL, "one"), same_keys=True),
    Engine(case="windowed", name="DuckDB range join", module="duckdb_range_join", sizes=SMALL, repeats=1),
    Engine(case="windowed", name="DuckDB RANGE windows", module="duckdb_windows", sizes=("100k", "x1"), repeats=1),
    Engine(case="windowed", name="line on Spark", module="spark_line", sizes=("x1",), same_keys=True, repeats=1),
    Engine(case="windowed", name="Spark RANGE windows", module="spark_windows", sizes=("x1",), repeats=1),
    Engine(case="late", name="line", module="line", sizes=LATE_SIZES, same_keys=True),
    Engine(
        case="late",
        name="DuckDB range join",
        module="duckdb_known_range_join",
        sizes=LATE_SIZES[:1],
        repeats=1,
        limit_seconds=JOIN_LIMIT_SECONDS,
    ),
    Engine(
        case="late",
        name="DuckDB range join",
        module="duckdb_known_range_join",
        sizes=LATE_SIZES[1:],
        repeats=1,
        limit_seconds=JOIN_LIMIT_SECONDS,
        samples=(1000, 100),
    ),
)


def measure(tables: list[Tables], *, with_feast: bool, say: Say) -> list[Figure]:
    """Every engine's time on every size, as far as it was asked."""
    figures: list[Figure] = []
    for case in CASES:
        slow: set[str] = set()
        for size in tables:
            for engine in ENGINES:
                if engine.case != case or size.name not in engine.sizes or (engine.name in slow and not engine.samples):
                    continue
                if engine.module != "line" and not _answers_of_line(case, size).exists():
                    figures.append(Figure.left_out(case, engine.name, size.name, "there is no answer to compare with"))
                    continue
                if engine is FEAST and not with_feast:
                    continue
                figure = _extrapolated(engine, size) if engine.samples else _measured(engine, size)
                say(figure.sentence())
                figures.append(figure)
                if engine.module != "line" and (figure.seconds is None or figure.seconds > ENOUGH_SECONDS):
                    slow.add(engine.name)
    if not with_feast:
        figures.append(Figure.left_out("latest", FEAST.name, "100k", "FEAST=0 leaves it out"))
    return figures


def _extrapolated(engine: Engine, tables: Tables) -> Figure:
    """What all decisions would take: that grows evenly with their number, from what reading the events takes."""
    few, more = (_measured(engine, tables, one_of=one_of) for one_of in engine.samples or ())
    if few.seconds is None or more.seconds is None or few.cpu_seconds is None or more.cpu_seconds is None:
        return more if more.seconds is None else few
    small, large = (1 / one_of for one_of in engine.samples or ())
    beyond = (1 - large) / (large - small)
    took = (
        f"1 of {one_of} decisions {one.cpu_seconds:.1f} s"
        for one_of, one in zip(engine.samples or (), (few, more), strict=True)
    )
    return replace(
        more,
        seconds=more.seconds + (more.seconds - few.seconds) * beyond,
        cpu_seconds=more.cpu_seconds + (more.cpu_seconds - few.cpu_seconds) * beyond,
        measured=f"{' and '.join(took)} of processor time; memory is that of the larger sample",
    )


def _measured(engine: Engine, tables: Tables, *, one_of: int = 1) -> Figure:
    folder = tables.folder.parent
    ours = _answers_of_line(engine.case, tables)
    output = ours if engine.module == "line" else folder / f"{engine.module}-{engine.case}-{tables.name}.parquet"
    columns, plan = columns_of(engine.case), plan_of(engine.case, tables.snapshots)
    task = Task(
        case=engine.case,
        sources={name: [str(path) for path in tables.files[name]] for name in columns},
        columns=columns,
        tables={name: list(map(str, files)) for name, files in tables.files.items() if name not in columns},
        output=str(output),
        answers=str(ours),
        plan=json.dumps(plan.to_json()),
        repeats=engine.repeats if max(tables.spine_rows, tables.events) < ONCE_ABOVE else 1,
        memory_mib=tables.memory_mib,
        one_of=one_of,
    )
    path = folder / "task.json"
    task.write(path)
    try:
        python = sys.executable if engine.environment is None else str(python_of(engine.environment))
        variables: dict[str, str] = {}
        if engine.module.startswith("spark"):
            packages = os.pathsep.join(map(str, (PROJECT, RUNTIME)))
            variables = {**spark_variables(_fresh(folder / "spark")), "PYTHONPATH": packages}
        command = [python, "-m", f"benchmarks.engines.{engine.module}", str(path)]
        limit = LINE_LIMIT_SECONDS if engine.module == "line" else engine.limit_seconds
        answer = run(command, seconds=limit, variables=variables)
    except (NotInstalled, ProcessFailed, TimedOut) as error:
        return Figure.left_out(engine.case, engine.name, tables.name, str(error))
    if output != ours:
        check_equal(engine.case, ours, output, other_keys=not engine.same_keys, one_of=one_of)
        output.unlink()
    return Figure(
        case=engine.case,
        engine=engine.name,
        size=tables.name,
        seconds=answer["seconds"],
        cpu_seconds=answer["cpu_seconds"],
        mib=answer["mib"],
        estimated_seconds=estimated_seconds(plan, engine.name),
        versions=answer["versions"],
    )


def estimated_seconds(plan: Plan, engine: str) -> float | None:
    """The estimate of building, for the line's own engines."""
    if engine == "line on Spark":
        return SPARK_START_SECONDS + building_seconds(replace(plan, engine="spark"), spark_cores=SPARK_CORES)
    return building_seconds(plan, spark_cores=0) if engine == "line" else None


def _answers_of_line(case: str, tables: Tables) -> Path:
    return tables.folder.parent / f"line-{case}-{tables.name}.parquet"


def _fresh(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder
