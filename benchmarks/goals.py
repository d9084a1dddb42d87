"""The goals, and what was measured of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.costs import Costs
from benchmarks.figures import Figure
from benchmarks.stations.imports import BARE

# Handlers that somebody waits for, or that a queue feeds.
HOT = ("api", "event_recorder", "feedback_collector")
LATEST = "latest value, x1, against iofloor"
WINDOWED = "15 windowed features, x1, against iofloor"
WIDE = "50 latest values, wide, against iofloor"
ALONE = "queue handler, records/s without network"
PUBLISHED = "answers to ledger and outbox, 1M decisions, less processor time a decision than row by row"
JUDGED = "a ledger judged, 1M decisions: less processor time than joined and judged row by row with intervals, 100k"
SYNTHESIS = "synthesis against a bare app"
# Processor time of a call before anything was done for it, in bare processes (see `stations.startup`); of one run.
CALLS_BEFORE = {
    "--help": 0.68,
    "status": 1.70,
    "features list": 2.45,
    "dataset list": 2.63,
    "review list": 1.62,
    "performance": 2.54,
    "board": 1.70,
}
# What profiles of single cases showed.
REASONS = {
    LATEST: "most of it is naming each decision by SHA-256 of keys and time; the floor finds the names ready-made",
    WINDOWED: "naming each decision by SHA-256 of its keys and time; the floor finds the names ready-made",
    WIDE: "naming each decision, and handing 110 columns from DuckDB to the kernel and back; the floor keeps its own",
    ALONE: "each record is read as strict JSON, checked by its schema and written with its instants, one by one",
    SYNTHESIS: "sixteen hundred calls into the CDK's own process, a third of them for permissions, one by one",
}
# Nine million decisions in 18 columns, of eight bytes and a flag each.
ANSWER_GIB = 1.4
SIZES = ("10k", "100k", "x1", "x10", "x100")


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One goal: what was asked, what was found; `met` is None where nothing could be measured."""

    number: int
    what: str
    asked: str
    found: str
    met: bool | None

    @property
    def reason(self) -> str | None:
        """Why it is missed, where that is known."""
        return REASONS.get(self.what) if self.met is False else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | ({"reason": self.reason} if self.reason else {})


class Measured:
    """Looks figures up."""

    def __init__(self, figures: list[Figure]) -> None:
        self._figures = {(figure.case, figure.engine, figure.size): figure for figure in figures}

    def seconds(self, case: str, engine: str, size: str) -> float | None:
        figure = self._figures.get((case, engine, size))
        return None if figure is None else figure.seconds

    def mib(self, case: str, engine: str, size: str) -> int | None:
        figure = self._figures.get((case, engine, size))
        return None if figure is None else figure.mib

    def less_work(self, case: str, engine: str, other: str, size: str) -> float | None:
        """How many times less processor time an engine took than another."""
        mine, others = (self._figures.get((case, name, size)) for name in (engine, other))
        if mine is None or others is None or mine.cpu_seconds is None or others.cpu_seconds is None:
            return None
        return others.cpu_seconds / mine.cpu_seconds

    def worst_estimate(self) -> float | None:
        """By how much the worst estimate of building is wrong: of processor time, on Spark of seconds."""
        wrong = [1.0]
        for figure in self._figures.values():
            taken = figure.seconds if figure.engine == "line on Spark" else figure.cpu_seconds
            if taken is not None and figure.estimated_seconds is not None:
                ratio = figure.estimated_seconds / taken
                wrong.append(max(ratio, 1 / ratio))
        return max(wrong)

    def times(self, case: str, engine: str, other: str, size: str) -> float | None:
        """How many times the other's seconds an engine took."""
        mine, others = self.seconds(case, engine, size), self.seconds(case, other, size)
        return None if mine is None or others is None else mine / others


def goals(figures: list[Figure], costs: Costs) -> list[Goal]:
    """Every goal that this run can say something about."""
    measured = Measured(figures)
    return [*_of_engines(measured), *_of_costs(costs)]


def _of_engines(measured: Measured) -> Iterator[Goal]:
    yield _at_most(1, LATEST, 1.5, measured.times("latest", "line", "iofloor", "x1"))
    feast = measured.times("latest", "Feast, duckdb store", "line", "100k")
    yield _at_least(1, "latest value, 100k, faster than Feast", 10, feast)
    windowed = measured.times("windowed", "line", "iofloor", "x1")
    yield _at_most(2, WINDOWED, 2.5, windowed)
    join = measured.times("windowed", "DuckDB range join", "line", "x1")
    yield _at_least(2, "15 windowed features, x1, faster than a range join", 20, join)
    for size in SIZES[:3]:
        slower = measured.times("windowed", "line", "DuckDB range join", size)
        yield _at_most(2, f"15 windowed features, {size}, against a range join", 1.2, slower)
    for size in ("x10", "x100"):
        mib = measured.mib("windowed", "line", size)
        if mib is not None:
            yield _at_most(3, f"15 windowed features, {size}, GiB with the answer", 2 + ANSWER_GIB, mib / 1024)
    wide = measured.times("wide", "line", "iofloor", "wide")
    if wide is not None:
        yield _at_most(4, WIDE, 1.5, wide)
    spark = measured.times("windowed", "Spark RANGE windows", "line on Spark", "x1")
    yield _at_least(5, "15 windowed features on Spark, faster than its RANGE windows", 2, spark)
    for size in ("late", "late x10"):
        less = measured.less_work("late", "line", "DuckDB range join", size)
        if less is not None:
            yield _at_least(
                11, f"9 features of rows known late, {size}, less processor time than a range join", 20, less
            )
    for size, limit in (("late", 500), ("late x10", 1024)):
        mib = measured.mib("late", "line", size)
        if mib is not None:
            yield _at_most(11, f"9 features of rows known late, {size}, MiB", limit, mib)
    yield _at_most(11, "estimate of --explain, the worst of all cases, times wrong", 3, measured.worst_estimate())


def _of_costs(costs: Costs) -> Iterator[Goal]:
    yield _at_most(6, "dataset request for the shipped line, warm, seconds", 5, costs["dataset_request"]["seconds"])
    bare = costs["imports"][BARE]["cpu_seconds"]
    for name in HOT:
        found = costs["imports"][f"lambdas.{name}.handler"]
        yield _at_most(7, f"import of the {name} handler, against a bare client", 1.5, found["cpu_seconds"] / bare)
    forbidden = {name: found["forbidden"] for name, found in costs["imports"].items() if found["forbidden"]}
    yield Goal(
        number=7,
        what="handlers that import pandas, awswrangler, sagemaker or mlflow",
        asked="none",
        found=", ".join(forbidden) or "none",
        met=not forbidden,
    )
    collector = costs["collector"]
    yield _at_least(8, "queue handler, records/s against moto", 2_000, collector["records_per_second"])
    yield _at_least(8, ALONE, 100_000, collector["without_network"])
    late = costs["late"]
    yield _at_most(
        11, "rows known late: none, half or all, slowest against quickest", 1.5, late["slowest_against_quickest"]
    )
    yield _at_most(11, "rows known late: distinct against the mean of others", 3, late["distinct_against_others"])
    publishing = costs["publishing"]
    yield _at_least(12, PUBLISHED, 15, publishing["times_less"])
    for size, name in (("1M", "columns_mib"), ("10M", "columns_10m_mib")):
        if name in publishing:
            yield _at_most(12, f"answers to ledger and outbox, {size} decisions, MiB", 1024, publishing[name])
    ledger = costs["ledger"]
    yield _at_least(12, JUDGED, 40, ledger["times_less"])
    yield _at_most(12, "the same, against a query by hand that joins and judges", 3, ledger["judge_against_by_hand"])
    synthesis = costs["synthesis"]
    yield _at_most(9, SYNTHESIS, 1.3, synthesis["app_seconds"] / synthesis["bare_seconds"])
    runs = costs["training_run"]
    yield _at_most(
        12, "training run until its review, against its jobs in turn", 0.6, runs["seconds"] / runs["jobs_in_turn"]
    )
    calls = costs["startup"]
    worst = max(calls[name] / before for name, before in CALLS_BEFORE.items())
    yield _at_most(15, "start of `line`, the worst command against what it took at first", 0.5, worst)


def _at_most(number: int, what: str, limit: float, found: float | None) -> Goal:
    met = None if found is None else found <= limit
    return Goal(number=number, what=what, asked=f"<= {limit:,g}", found=_said(found), met=met)


def _at_least(number: int, what: str, limit: float, found: float | None) -> Goal:
    met = None if found is None else found >= limit
    return Goal(number=number, what=what, asked=f">= {limit:,g}", found=_said(found), met=met)


def _said(found: float | None) -> str:
    if found is None:
        return "not measured"
    return f"{found:,.0f}" if found >= 100 else f"{found:.2f}"
