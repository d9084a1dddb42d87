"""Declared rules and history: a sound dataset passes, a broken rule stops it and names the very rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line import Source, between, days, fresh, hours, nulls, one_of, static, unique, volume
from assembly_line.connectors.local_sources import typed_sources
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.quality import QualityRule
from assembly_line.errors import QualityGateFailed, SourceUnreadable
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.findings import Finding, finding_from_json
from assembly_line.features.model.plans import Plan, plan_from_json
from assembly_line.features.model.snapshots import SchemaDrift, Snapshot, drift_between, snapshot_from_json
from assembly_line.features.quality.dataset_figures import DatasetFigures, figures_from_json, figures_of
from assembly_line.features.quality.gate import examine, require_passed
from assembly_line.features.sources.activity import Activity
from assembly_line.features.sources.attempts import Built, built_from_json
from assembly_line.features.values.columns import Column
from assembly_line.instants import to_micros
from tests.unit.features.random_worlds import SPRING
from tests.unit.features.small_world import DAILY, PEOPLE, USER, VISITS, SmallLake, a_line, write_rows

Dataset = tuple[Plan, Built, dict[str, Column]]
NAMES = ["daily_count", "kind", "age", "weight", "town"]
VISITORS = 120


def world() -> dict[str, list[dict[str, Any]]]:
    """Everybody is invited to a visit of their own; every third comes. Ten have no weight, one is 999 years old."""
    numbers = range(VISITORS)
    return {
        "events": [],
        "late": [],
        "daily": [
            {"user": f"u{n}", "visit": n, "on": SPRING.date() + timedelta(days=day), "n": 1}
            for n in numbers
            for day in ([0, 2] if n % 3 == 0 else [0])
        ],
        "visits": [
            {"visit": n, "opens": SPRING + hours(40), "first_day": None, "closes": None, "kind": "xyz"[n // 5 % 3]}
            for n in numbers
        ],
        "invited": [{"user": f"u{n}", "visit": n} for n in numbers],
        "people": [
            {
                "user": f"u{n}",
                "age": 999 if n == 7 else n,
                "weight": None if n < 10 else 70.5,
                "town": "B",
                "born": None,
            }
            for n in (*numbers, 5)
        ],
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return SmallLake(a_line(horizon=hours(36)), world(), tmp_path_factory.mktemp("quality"))


@pytest.fixture(scope="module")
def dataset(lake: SmallLake) -> Dataset:
    return built_of(lake)


def built_of(lake: SmallLake, *rules: QualityRule, personal: tuple[str, ...] = ()) -> Dataset:
    plan = lake.plan({"purpose": "training", "as_of": "2017-06-01", "features": NAMES})
    line = plan.line
    if personal:
        features = {
            name: replace(feature, source=replace(PEOPLE, personal=personal))
            if isinstance(feature, StaticFeature) and feature.source == PEOPLE
            else feature
            for name, feature in line.features.items()
        }
        line = replace(line, features=features)
    plan = replace(plan, line=replace(line, quality=rules))
    target: Path = lake.folder / "data.parquet"
    built = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    return plan, built, read_dataset(target)


def with_rules(dataset: Dataset, *rules: QualityRule) -> Dataset:
    plan, built, columns = dataset
    return replace(plan, line=replace(plan.line, quality=rules)), built, columns


def found(findings: list[Finding], rule: str) -> Finding:
    (one,) = [finding for finding in findings if finding.rule == rule]
    return one


@pytest.mark.parametrize(
    ("rules", "rule", "said", "users"),
    [
        ((nulls("weight", at_most=0.1), nulls("weight", at_most=0.05)), "nulls of weight", "10 of 120", range(10)),
        ((between("age", 0, 999), between("age", 0, 120)), "range of age", "1 of 120 values outside", [7]),
        ((between("weight", 70), between("weight", 71)), "range of weight", "110 of 120", range(10, 120)),
        (
            (one_of("kind", ["x", "y", "z"]), one_of("kind", ["x", "y"])),
            "values of kind",
            "40 rows hold 1 other",
            [n for n in range(120) if n // 5 % 3 == 2],
        ),
        ((one_of("age", [*range(120), 999]), one_of("age", [999.0])), "values of age", "119 rows hold 119", range(120)),
    ],
)
def test_a_rule_about_values_names_the_rows_that_break_it(
    dataset: Dataset, rules: tuple[QualityRule, QualityRule], rule: str, said: str, users: Any
) -> None:
    good, bad = rules
    assert found(examine(*with_rules(dataset, good)), rule).result == "passed"

    broken = found(examine(*with_rules(dataset, bad)), rule)

    columns = dataset[2]
    ids = dict(zip(columns["decision_id"].values.tolist(), columns["user"].values.tolist(), strict=True))
    assert broken.result == "error"
    assert said in broken.value
    assert 1 <= len(broken.examples) <= 10
    assert {ids[example.decision_id or ""] for example in broken.examples} <= {f"u{n}" for n in users}
    with pytest.raises(QualityGateFailed, match=f"{rule}: .*such as d1-2017"):
        require_passed("ds-1", [broken])


def test_the_offending_value_is_told_unless_the_feature_is_personal(lake: SmallLake, dataset: Dataset) -> None:
    (open_value,) = found(examine(*with_rules(dataset, between("age", 0, 200))), "range of age").examples
    hidden = found(examine(*built_of(lake, between("age", 0, 200), personal=("age",))), "range of age")

    assert open_value.value == 999
    assert [example.value for example in hidden.examples] == [None]
    assert "999" not in str(hidden.to_json())


def test_a_warning_does_not_stop_a_dataset(dataset: Dataset) -> None:
    findings = examine(*with_rules(dataset, between("age", 0, 120, severity="warning")))

    assert found(findings, "range of age").result == "warning"
    require_passed("ds-1", findings)


def test_declared_freshness_and_volume_stand_in_the_place_of_the_defaults(dataset: Dataset) -> None:
    plan, _, _ = dataset
    strict = examine(*with_rules(dataset, fresh(DAILY, within=hours(1)), volume(at_least=121)))
    newest = to_micros(SPRING - days(80))
    aged = (plan, replace(dataset[1], activity={"daily": Activity(newest=newest, known=newest)}), dataset[2])
    lax = examine(*with_rules(aged, fresh(DAILY, within=days(100))))

    assert found(examine(*dataset), "freshness of daily").passed
    assert found(strict, "volume").value == "120 rows"
    assert "at least 121 decisions" in found(strict, "volume").expected
    assert found(strict, "freshness of daily").passed  # the newest event lies after the decisions
    assert not found(examine(*aged), "freshness of daily").passed
    assert found(lax, "freshness of daily").passed


def test_a_key_that_stands_twice_in_a_static_source_is_told_and_stops_where_declared(lake: SmallLake) -> None:
    by_default = found(examine(*built_of(lake)), "unique keys of people")
    declared = found(examine(*built_of(lake, unique(PEOPLE))), "unique keys of people")
    by_kind = found(examine(*built_of(lake, unique(VISITS, "kind"))), "unique keys of visits")

    assert by_default.result == "warning"
    assert declared.result == "error"
    assert declared.value == "1 rows repeat the keys of another, such as user u5"
    assert by_kind.value.startswith("117 rows repeat the keys of another")
    assert found(examine(*built_of(lake)), "unique keys of visits").passed


def test_the_keys_of_a_view_are_judged_by_the_rows_that_it_selects(tmp_path: Path) -> None:
    columns = {"user": "string", "n": "int64"}
    select = 'SELECT "user", n FROM daily'
    last = Source(name="last_day", entities=(USER,), columns=columns, static=True, inputs=(DAILY,), sql=select)
    once = replace(last, sql='SELECT "user", max(n) AS n FROM daily GROUP BY "user"')

    def judged(view: Source, *rules: QualityRule) -> Finding:
        line = a_line(horizon=hours(36))
        features = {"events_count": line.features["events_count"], "last_n": static(view, "n")}
        line = replace(line, features=features, quality=rules)
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        lake = SmallLake(line, world(), folder)
        plan, target = lake.plan({"purpose": "training", "as_of": "2017-06-01"}), folder / "data.parquet"
        built = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
        return found(examine(plan, built, read_dataset(target)), "unique keys of last_day")

    assert judged(last).result == "warning"
    broken = judged(last, unique(last))
    assert broken.result == "error"
    assert broken.advice == "let the SELECT of last_day give one row for each"
    passed = judged(once, unique(once))
    assert (passed.result, passed.value) == ("passed", "120 rows, no key twice")


def a_history(dataset: Dataset, **changed: Any) -> list[DatasetFigures]:
    plan, _, columns = dataset
    figures = figures_of(plan, columns)
    read = figures_from_json(figures.to_json())
    assert read == figures
    return [replace(figures, dataset_id=f"ds-{n}", **changed) for n in range(3)]


def test_with_too_little_history_nothing_is_said_to_have_passed(dataset: Dataset) -> None:
    for few in ([], a_history(dataset)[:2]):
        finding = found(examine(*dataset, history=few), "history")
        assert finding.result == "not judged"
        assert f"no history yet: {len(few)} earlier" in finding.value


def test_a_dataset_like_the_earlier_ones_passes(dataset: Dataset) -> None:
    findings = examine(*dataset, history=a_history(dataset))

    judged = {finding.rule: finding.result for finding in findings if "history" in finding.rule}
    assert judged == dict.fromkeys(
        [f"{what} against history" for what in ("volume", "positives", "nulls", "ranges", "values")], "passed"
    )


def without(figures: Mapping[str, Any], name: str, **changed: Any) -> dict[str, Any]:
    return {**figures, name: replace(figures[name], **changed)}


@pytest.mark.parametrize(
    ("changed", "rule", "result", "said"),
    [
        (lambda _: {"rows": 400}, "volume", "error", "120 rows"),
        (lambda _: {"rows": 40}, "volume", "warning", "+200%"),
        (lambda _: {"positives": 0.1}, "positives", "warning", "33.33% positive: +233%"),
        (lambda one: {"features": without(one, "age", low=0.0, high=100.0)}, "ranges", "warning", "age 1 values"),
        (lambda one: {"features": without(one, "kind", values=("x", "y"))}, "values", "warning", "kind 40 rows with 1"),
    ],
)
def test_a_deviation_from_history_is_told_with_its_rows(
    dataset: Dataset, changed: Callable[[Any], dict[str, Any]], rule: str, result: str, said: str
) -> None:
    features = figures_of(dataset[0], dataset[2]).features

    finding = found(examine(*dataset, history=a_history(dataset, **changed(features))), f"{rule} against history")

    assert finding.result == result
    assert said in finding.value
    assert bool(finding.examples) == (rule in ("ranges", "values"))


def test_a_feature_that_lost_its_values_stops_training_but_not_scoring(dataset: Dataset) -> None:
    plan, built, columns = dataset
    lost = columns["town"].take(np.where(np.arange(VISITORS) < 60, -1, np.arange(VISITORS)))
    spoilt = (built, {**columns, "town": lost})

    finding = found(examine(plan, *spoilt, history=a_history(dataset)), "nulls against history")

    assert finding.result == "error"
    assert finding.value == "town 50.0% (earlier at most 0.0%)"
    assert finding.examples[0].decision_id == columns["decision_id"].values[0]
    scoring = replace(plan, purpose="scoring")
    assert found(examine(scoring, *spoilt, history=a_history(dataset)), "nulls against history").result == "warning"
    allowed = replace(plan, line=replace(plan.line, quality=(nulls("town", at_most=0.6),)))
    assert found(examine(allowed, *spoilt, history=a_history(dataset)), "nulls against history").passed


def test_findings_and_builds_are_read_back_as_they_were(dataset: Dataset) -> None:
    plan, built, columns = with_rules(dataset, between("age", 0, 120))
    for finding in examine(plan, built, columns):
        assert finding_from_json(finding.to_json()) == finding
    assert built_from_json(built.to_json()) == built
    assert finding_from_json(
        {"rule": "r", "passed": True, "severity": "error", "value": "", "expected": "", "advice": ""}
    ).judged


def test_a_new_column_is_recorded_and_ignored_and_one_that_is_gone_is_told(tmp_path: Path, lake: SmallLake) -> None:
    wider = replace(VISITS, columns={**VISITS.columns, "seats": "int64"})
    write_rows(wider, [{**row, "seats": 3} for row in world()["visits"]], tmp_path / "visits.parquet")
    (tmp_path / "typed").mkdir()
    snapshot = typed_sources([VISITS], tmp_path, tmp_path / "typed")["visits"].snapshot

    assert snapshot.drift == SchemaDrift(ignored={"seats": "BIGINT"})
    assert snapshot_from_json(snapshot.to_json()) == snapshot
    before = replace(snapshot, drift=SchemaDrift(ignored={"rows": "BIGINT"}))
    drift = drift_between(before, VISITS.columns, {"seats": "BIGINT"})
    assert (drift.added, drift.gone) == (("seats",), ("rows",))
    assert drift_between(None, VISITS.columns, {"seats": "BIGINT"}).added == ()
    plan = lake.plan({"purpose": "training", "as_of": "2017-06-01", "features": NAMES})
    plan = replace(plan, inputs={**plan.inputs, "visits": replace(plan.inputs["visits"], drift=drift)})
    target = lake.folder / "drifted.parquet"
    built = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    finding = found(examine(plan_from_json(plan.to_json()), built, read_dataset(target)), "schema of visits")
    assert finding.result == "warning"
    assert "not loaded: seats; new since the load before: seats; gone since the load before: rows" in finding.value


def test_the_digest_of_a_snapshot_is_of_its_rows_alone() -> None:
    plain = Snapshot(source="s", columns={"a": "int64"}, objects=())

    assert replace(plain, drift=SchemaDrift(ignored={"b": "BIGINT"})).digest == plain.digest


def test_a_renamed_column_stops_the_load_and_both_names_are_told(tmp_path: Path) -> None:
    renamed = {"sort" if name == "kind" else name: kind for name, kind in VISITS.columns.items()}
    rows = [{**row, "sort": row["kind"]} for row in world()["visits"]]
    write_rows(replace(VISITS, columns=renamed), rows, tmp_path / "visits.parquet")
    (tmp_path / "typed").mkdir()

    with pytest.raises(SourceUnreadable, match=r"has no column 'kind', .*was it renamed to 'sort'\?"):
        typed_sources([VISITS], tmp_path, tmp_path / "typed")
