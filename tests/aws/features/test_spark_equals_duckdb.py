"""The distributed engine, on a real local Spark, gives the rows that the one-machine engine gives.

One Spark session serves all cases: random worlds, and the Glue job's own script on a slice of the shipped line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from assembly_line import Decision, Generated, Outcome, column, daily, days, hours, months
from assembly_line.declarations.lines import Line
from assembly_line.embedded.glue.spark import RUNTIME, environment
from assembly_line.errors import QualityGateFailed
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.snapshots import EarlierSnapshot
from assembly_line.features.quality.gate import require_passed
from assembly_line.features.quality.leak_findings import KNOWS_THE_FUTURE
from assembly_line.features.sources.attempts import built_from_json
from assembly_line.features.values.columns import Column
from assembly_line.loader import load_line
from assembly_line.names import GlueArgument
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.services.objects import ObjectStore
from tests.aws.features.conftest import LINE, PROJECT, Steps
from tests.lines_of_kinds import line_of
from tests.unit.features import flights_world
from tests.unit.features.comparing import assert_equal
from tests.unit.features.flights_world import FILED, own_line, random_flights, with_peeking_view
from tests.unit.features.leaking_world import LEAKS, scripts_with_leaks, with_leaks
from tests.unit.features.leaking_world import world as leaking_world
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import Row, SmallLake, Tables, a_line, rows_of
from tests.unit.features.udf_world import SCRIPTS, with_udfs
from tests.unit.features.view_world import with_udf_over_a_view

PROGRAM = Path(__file__).with_name("spark_program.py")
SECONDS = 1200
ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
# Named so that the Spark program takes every user for one with too many rows.
HOT = {"features": ["late_count", "late_latest_s", "late_sum_d", "late_recent_x", "events_since", "daily_visits"]}
TICKETS_OF = line_of("triage")
# Decisions of every day, in place of those with a whole history.
TRIAGE = replace(TICKETS_OF, decision=replace(TICKETS_OF.decision, history_since=None))
COUNTS = ("rows", "spine_rows", "excluded", "duplicates", "sampling", "activity")


@dataclass(frozen=True)
class Case:
    line: Line
    world: Tables
    request: dict[str, Any]
    scripts: Mapping[str, bytes] = field(default_factory=dict)

    def lake(self, folder: Path) -> SmallLake:
        return SmallLake(self.line, self.world, folder)


class GrownVisits(Case):
    """Visits were loaded twice: the first of its files alone, then both."""

    def lake(self, folder: Path) -> SmallLake:
        lake = super().lake(folder)
        now = lake.snapshots["visits"]
        before = EarlierSnapshot(snapshot="before", columns=now.columns, objects=now.objects[:1])
        lake.snapshots["visits"] = replace(now, earlier=before)
        return lake


def equal_cases() -> Iterator[tuple[str, Case]]:
    yield "every feature", Case(a_line(delay=hours(1)), random_world(7, events=300, decisions=80), ALL)
    yield "hot entities", Case(a_line(window=hours(5)), random_world(11, events=200, decisions=80), {**ALL, **HOT})
    world = {**random_world(9), "late": []}
    as_of = min(row["at"] for row in world["events"] if row["at"]) + timedelta(days=4)
    names = ["daily_count", "late_latest_s", "kind", "share", "events_sum_d", "events_recent_s"]
    request = {"purpose": "training", "as_of": as_of.isoformat(), "features": names}
    yield "training", Case(a_line(boundary="at_or_before", time_column="first_day", horizon=hours(30)), world, request)
    yield "UDFs", Case(with_udfs(), random_world(8), ALL, SCRIPTS)
    yield "views", Case(with_udf_over_a_view(), random_world(11), ALL, SCRIPTS)
    line = a_line(calendar=months(1, zone="Australia/Lord_Howe"), boundary="at_or_before")
    names = [name for name in line.features if "calendar" in name or "where" in name or name.startswith("pl")]
    yield "calendar", Case(line, random_world(13, wide=True), {**ALL, "features": names})
    late = [name for name in a_line().features if name.startswith("late") and "latest" not in name]
    tail = random_world(14, events=300, decisions=80, delays="tail")
    yield "known late", Case(a_line(window=days(3)), tail, {**ALL, "features": late})
    yield "empty", Case(a_line(), random_world(10), {**ALL, "from": "2001-01-01", "to": "2001-01-02"})
    yield "several entities", by_several_entities()
    yield "own outcomes", Case(*with_peeking_view(), {"purpose": "training", "as_of": "2024-05-10"})
    yield "named classes", Case(TRIAGE, tickets(), {"purpose": "training", "as_of": "2024-05-10"})
    yield from cases_of_the_spine()


def tickets() -> dict[str, list[Row]]:
    """Tickets of which some are not closed, and some name no team."""
    teams = (*TRIAGE.outcome.classes, None)
    rows: list[Row] = [
        {
            "ticket_id": number,
            "customer_id": number % 7,
            "words": number * 7 % 50,
            "product": ("invoice", "Ä", None)[number % 3],
            "opened_at": flights_world.START + hours(number),
            "closed_at": None if number % 11 == 0 else flights_world.START + hours(2 * number + 1),
            "team": teams[number % 4],
        }
        for number in range(60)
    ]
    facts: list[Row] = [{name: row[name] for name in ("ticket_id", "words", "product")} for row in rows]
    return {"triage_tickets": rows, "triage_texts": facts}


def by_several_entities() -> Case:
    """Features by entities that share a key column, of decisions whose own rows state the outcome."""
    line = own_line(FILED, value=column("late") > 10, where=column("cancelled") == False)  # noqa: E712
    line = replace(line, features=flights_world.a_line().features)
    request = {
        "purpose": "training",
        "as_of": (flights_world.START + hours(30)).isoformat(),
        "sampling": {"keep_negatives": 0.6, "seed": 1},
    }
    return Case(line, random_flights(4, flights=200, landings=300), request, flights_world.SCRIPTS)


def cases_of_the_spine() -> Iterator[tuple[str, Case]]:
    """A generated spine with a time to the event, and a spine of events with sums of steps; of both a sample."""
    late, day = a_line().sources["late"], a_line().sources["daily"]
    events = a_line().sources["events"]
    # Events happen at full hours: some are exactly as old as the lookback.
    cadence = daily(at="02:00", zone="America/New_York")
    generated = Decision(
        name="look",
        entities=late.entities,
        spine=Generated(population=late, cadence=cadence, lookback=hours(30)),
        boundary="at_or_before",
    )
    listed = Decision(name="look", entities=late.entities, spine=late, time="known")
    features = {name: a_line().features[name] for name in ("events_count", "late_latest_s")}
    request = {"purpose": "training", "from": "2017-01-01", "to": "2018-01-01"}
    waited = Outcome(name="came", source=day, by=late.entities, horizon=hours(60), measure="time_to_event")
    spent = Outcome(
        name="spent",
        source=events,
        by=late.entities,
        gap=hours(1),
        horizon=hours(3),
        steps=3,
        measure="sum",
        column="d",
        absent=0.5,
    )
    drawn: list[dict[str, Any]] = [{"keep_negatives": 0.6, "seed": 1}, {"share": 0.7}]
    parts = (("generated", generated, waited), ("of events", listed, spent))
    for (name, decision, outcome), sampling in zip(parts, drawn, strict=True):
        world = random_world(len(name))
        as_of = min(row["at"] for row in world["events"] if row["at"]) + timedelta(days=2)
        line = replace(a_line(), decision=decision, features=features, outcome=replace(outcome, steps=1))
        if outcome.steps > 1:
            training, policy = replace(line.training, season=1), replace(line.policy, cuts=1)
            line = replace(line, training=training, policy=policy, outcome=outcome)
        yield name, Case(line, world, {**request, "as_of": as_of.isoformat(), "sampling": sampling})


def overflowing() -> Case:
    world = random_world(12)
    huge = {**world, "events": [{**row, "n": 2**62} for row in world["events"]]}
    return Case(a_line(window=hours(48)), huge, {**ALL, "features": ["events_sum_n"]})


def leaking(folder: Path) -> Case:
    request = {"purpose": "training", "as_of": "2017-06-01"}
    return GrownVisits(with_leaks(), leaking_world(), request, scripts_with_leaks(folder))


class SparkRun:
    """Cases in a folder, and the process that builds them and takes its JVM with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lakes: dict[str, SmallLake] = {}

    def add(self, name: str, case: Case) -> None:
        lake = self.lakes[name] = case.lake(self.folder / "lakes" / name)
        self._write(name, "plan.json", lake.plan(case.request, scripts=case.scripts).to_json())
        for script, content in case.scripts.items():
            self.path(name, script).write_bytes(content)

    def add_job(self, arguments: Mapping[GlueArgument, str]) -> None:
        given = [part for name, value in arguments.items() for part in (f"--{name}", value)]
        self._write("job", "arguments.json", ["--JOB_NAME", "job", *given])

    def run(self) -> None:
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        search = [str(PROJECT), str(RUNTIME)]
        variables = {
            **os.environ,
            **environment(self.folder, brief=True),
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "PYTHONPATH": os.pathsep.join(search),
        }
        command = [sys.executable, str(PROGRAM), str(self.folder / "cases")]
        try:
            done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=SECONDS, check=False)
        finally:
            server.stop()
        assert done.returncode == 0, done.stderr[-4000:]

    def path(self, name: str, file: str) -> Path:
        return self.folder / "cases" / name / file

    def _write(self, name: str, file: str, content: Any) -> None:
        self.path(name, file).parent.mkdir(parents=True)
        self.path(name, file).write_text(json.dumps(content))


def test_both_engines_give_equal_rows(
    steps: Steps, loaded: Lake, store: ObjectStore, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    run = SparkRun(tmp_path)
    cases = dict(equal_cases())
    for name, case in [*cases.items(), ("overflow", overflowing()), ("leaks", leaking(tmp_path))]:
        run.add(name, case)
    plan = steps.plan(purpose="training", as_of="2018-01-02", engine="spark")
    arguments = {
        GlueArgument.LAKE_BUCKET: "lake",
        GlueArgument.STORE_BUCKET: store.bucket,
        GlueArgument.PLAN_KEY: plan["plan_key"],
    }
    run.add_job(arguments)

    run.run()

    for name, case in cases.items():
        with subtests.test(name):
            assert_engines_agree(run, name, case)
    with subtests.test("a sum that overflows fails with its reason"):
        assert "a sum exceeds the range of int64" in run.path("overflow", "error.txt").read_text()
    with subtests.test("features that know the future stop a dataset of Spark in the same words"):
        findings = built_from_json(json.loads(run.path("leaks", "built.json").read_text())).findings
        leaks = {finding.feature: finding for finding in findings if finding.stops}
        assert leaks.keys() == LEAKS
        assert leaks["looked_up"].examples[0].value == "7, and None without the future"
        (ever,) = [finding for finding in findings if finding.feature == "ever"]
        assert (ever.rule, ever.result) == ("leakage: ever counts events after the decision", "warning")
        (grown,) = [finding for finding in findings if finding.feature == "kind"]
        assert (grown.rule, grown.result) == ("leakage: kind changes without a time", "warning")
        with pytest.raises(QualityGateFailed, match=r"leakage: next_n knows the future: .* values differ at"):
            require_passed("ds-1", findings)
    with subtests.test("a view that shows an outcome of the decision's own row too early is caught on Spark"):
        findings = built_from_json(json.loads(run.path("own outcomes", "built.json").read_text())).findings
        assert [finding.feature for finding in findings if finding.stops] == ["peeks"]
    with subtests.test("the Glue job's dataset is finished as any other"):
        by_duckdb = steps.build(plan)
        judged = store.read_json(by_duckdb["built_key"])["findings"]
        (finding,) = [one for one in judged if one["rule"] == KNOWS_THE_FUTURE]
        audited = {"result": "passed", "found": finding["value"]}
        result = steps.finish(plan, None)
        manifest = DatasetStore(store).manifest(LINE, plan["dataset_id"])
        found = fetched(store, store.key_of(manifest.data_uri), tmp_path)
        assert (plan["engine"], result["engine"]) == ("spark", "spark")
        assert result["rows"] == by_duckdb["rows"] > 100
        assert manifest.audit is not None
        assert manifest.audit["passed"]
        assert manifest.audit["checks"]["features that know the future"] == audited
        assert_same(load_line(PROJECT / "lines", LINE).line, found, fetched(store, by_duckdb["data_key"], tmp_path))


def assert_engines_agree(run: SparkRun, name: str, case: Case) -> None:
    error = run.path(name, "error.txt")
    assert not error.exists(), error.read_text()
    lake = run.lakes[name]
    plan = lake.plan(case.request, scripts=case.scripts)
    target = lake.folder / "data.parquet"
    files = lake.planned_files(plan)
    expected = build_on_duckdb(plan, files, target, memory_mib=1024, scripts=case.scripts).to_json()
    found = json.loads(run.path(name, "built.json").read_text())
    assert found["engine"] == "spark"
    assert {part: found[part] for part in COUNTS} == {part: expected[part] for part in COUNTS}
    assert (found["rows"] == 0) == (name == "empty")
    assert_same(case.line, read_dataset(run.path(name, "data.parquet")), read_dataset(target))


def assert_same(line: Line, found: Mapping[str, Column], expected: Mapping[str, Column]) -> None:
    assert [(name, column.kind) for name, column in found.items()] == [
        (name, column.kind) for name, column in expected.items()
    ]
    assert_equal(line, rows_of(found), rows_of(expected))


def fetched(store: ObjectStore, key: str, folder: Path) -> dict[str, Column]:
    path = folder / "fetched.parquet"
    store.download(key, path)
    return read_dataset(path)
