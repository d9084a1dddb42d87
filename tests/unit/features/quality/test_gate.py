"""The quality gate lets a sound dataset through, and names rule, value and remedy where one is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line import hours
from assembly_line.errors import QualityGateFailed, RequestRefused
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files import reading_back
from assembly_line.features.files.reading_back import opened_dataset, read_dataset
from assembly_line.features.files.session import connect, write_parquet
from assembly_line.features.model.memory import require_memory_to_finish
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.dataset_figures import figures_of
from assembly_line.features.quality.gate import examine, require_passed
from assembly_line.features.quality.gate_rules import outcome_rule
from assembly_line.features.record.manifest import logical_digest
from assembly_line.features.sources.activity import Activity
from assembly_line.features.sources.attempts import Built
from assembly_line.features.values.columns import Column, null_column
from assembly_line.instants import to_micros
from tests.lines_of_kinds import line_of
from tests.unit.features.random_worlds import SPRING
from tests.unit.features.small_world import SmallLake, a_line

Dataset = tuple[Plan, Built, dict[str, Column]]
NAMES = ["daily_count", "kind", "age"]
VISITORS = 120


def world() -> dict[str, list[dict[str, Any]]]:
    """Everybody is invited to a visit of their own; every third comes."""
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
            {"visit": n, "opens": SPRING + hours(40), "first_day": None, "closes": None, "kind": "x"} for n in numbers
        ],
        "invited": [{"user": f"u{n}", "visit": n} for n in numbers],
        "people": [{"user": f"u{n}", "age": n, "weight": None, "town": None, "born": None} for n in numbers],
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("gate")
    lake = SmallLake(a_line(horizon=hours(36)), world(), folder)
    plan = lake.plan({"purpose": "training", "as_of": "2017-06-01", "features": NAMES})
    target: Path = folder / "data.parquet"
    built = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    return plan, built, read_dataset(target)


def test_a_sound_dataset_passes_every_rule(dataset: Dataset) -> None:
    findings = examine(*dataset)

    assert {finding.rule for finding in findings} == {
        "row_count",
        "columns",
        "key_nulls",
        "decision_id_unique",
        "feature_all_null",
        "freshness of daily",
        "gaps of daily",
        "volume",
        "outcome_classes",
        "unique keys of visits",
        "unique keys of people",
        "history",
        "leakage: features that know the future",
        "leakage: features predictive alone",
        "leakage: features far above the others",
        "leakage: outcome among the features",
    }
    assert [finding.rule for finding in findings if not finding.judged] == [
        "gaps of daily",  # two days are no rhythm
        "leakage: features that know the future",  # built here without the step that audits
        "history",
    ]
    assert all(finding.passed for finding in findings)
    require_passed("ds-1", findings)


def test_a_dataset_larger_than_memory_is_judged_as_one_that_is_held_whole(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, built, columns = dataset
    path = tmp_path / "data.parquet"
    with connect(tmp_path, memory_mib=512) as connection:
        write_parquet(connection, columns, path)
    monkeypatch.setattr(reading_back, "FEW_VALUES", 0)
    with opened_dataset(path) as stored:
        assert examine(plan, built, stored) == examine(plan, built, columns)
        assert figures_of(plan, stored) == figures_of(plan, columns)
        assert logical_digest(stored) == logical_digest(columns)


def test_a_dataset_that_this_machine_cannot_judge_is_refused_by_its_size() -> None:
    require_memory_to_finish(9_000_000, memory_mib=3008)
    with pytest.raises(RequestRefused, match="20000000 rows; to judge it takes about 4397 MiB, this machine has 3008"):
        require_memory_to_finish(20_000_000, memory_mib=3008)


def without_a_row(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    return plan, built, {name: column.take(np.arange(len(column) - 1)) for name, column in columns.items()}


def with_a_doubled_id(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    rows = np.arange(VISITORS)
    rows[1] = 0
    return plan, built, {**columns, "decision_id": columns["decision_id"].take(rows)}


def with_a_null_key(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    rows = np.arange(VISITORS)
    rows[5] = -1
    return plan, built, {**columns, "user": columns["user"].take(rows)}


def with_an_empty_key(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    texts = columns["user"].values.copy()
    texts[5] = ""
    return plan, built, {**columns, "user": replace(columns["user"], values=texts)}


def with_a_feature_of_nulls(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    return plan, built, {**columns, "age": null_column("int64", VISITORS)}


def with_columns_in_another_order(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    swapped = {**columns, "kind": columns["age"], "age": columns["kind"]}
    return plan, built, {name: swapped[name] for name in reversed(columns)}


def with_another_column(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    return plan, built, {**columns, "height": columns["age"]}


def with_old_events(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    newest = to_micros(datetime(2016, 1, 1, tzinfo=UTC))
    return plan, replace(built, activity={"daily": Activity(newest=newest, known=newest)}), columns


def with_no_events(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    return plan, replace(built, activity={"daily": Activity()}), columns


def with_one_class(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    absent = Column("int64", np.zeros(VISITORS, np.int64), np.ones(VISITORS, np.bool_))
    return plan, built, {**columns, "came": absent}


def with_no_rows(plan: Plan, built: Built, columns: dict[str, Column]) -> Dataset:
    nobody = replace(built, rows=0, excluded={**built.excluded, "immature": VISITORS})
    return plan, nobody, {name: column.take(np.arange(0)) for name, column in columns.items()}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (without_a_row, "row_count: 119 rows, expected 120 rows: 120 of the spine less 0 excluded"),
        (with_a_doubled_id, "decision_id_unique: 119 ids for 120 decisions"),
        (
            with_a_null_key,
            "key_nulls: 1 in user, expected no null and no empty text in any key column: a decision needs",
        ),
        (
            with_an_empty_key,
            "key_nulls: 1 in user, expected no null and no empty text in any key column: a decision needs",
        ),
        (with_a_feature_of_nulls, "feature_all_null: null everywhere: age, expected a value somewhere in 120 rows"),
        (with_columns_in_another_order, "columns: 9 columns, in the order outcome_known_at, came, age, kind"),
        (with_another_column, "columns: 10 columns, height not planned, expected the 9 columns of the plan"),
        (with_old_events, "freshness of daily: newest event 2016-01-01T00:00:00.000000Z, of those known at 2017-06-01"),
        (with_no_events, "freshness of daily: no event at all"),
        (with_one_class, "outcome_classes: 0 decisions with came = 1, 120 with 0, 0 with neither"),
        (with_no_rows, "volume: 0 rows, expected at least one decision with a mature outcome: choose a later as_of"),
    ],
)
def test_a_broken_rule_stops_the_dataset(dataset: Dataset, spoil: Callable[..., Dataset], said: str) -> None:
    with pytest.raises(QualityGateFailed) as failed:
        require_passed("ds-1", examine(*spoil(*dataset)))

    assert str(failed.value).startswith("dataset ds-1: ")
    assert said in str(failed.value)


@pytest.mark.parametrize(
    ("teams", "passed", "said"),
    [
        (["billing", "network"], True, "1 with billing, 1 with network, 0 with sales, 0 with a value that is none"),
        (["billing", "network", "other"], False, "0 with sales, 1 with a value that is none of the declared classes"),
        (["billing", "billing"], False, "2 with billing, 0 with network, 0 with sales, 0 with"),
        ([], False, "0 with billing"),
    ],
)
def test_an_outcome_of_named_classes_has_two_of_them_and_no_other(
    dataset: Dataset, teams: list[str], passed: bool, said: str
) -> None:
    column = Column("string", np.array(teams, np.object_), np.ones(len(teams), np.bool_))

    found = outcome_rule(line_of("triage").outcome)(replace(dataset[0], line=line_of("triage")), {"team": column})

    assert (found.rule, found.severity, found.passed) == ("outcome_classes", "error", passed)
    assert said in found.value


def test_a_feature_of_nulls_in_a_handful_of_rows_is_only_remarked(dataset: Dataset) -> None:
    plan, built, columns = dataset
    few = {name: column.take(np.arange(3)) for name, column in columns.items()}
    few["age"] = null_column("int64", 3)
    small = replace(built, rows=3, spine_rows=3)

    finding = next(finding for finding in examine(plan, small, few) if finding.rule == "feature_all_null")

    assert (finding.passed, finding.severity) == (False, "warning")


def test_a_scoring_dataset_may_be_empty(dataset: Dataset) -> None:
    plan, built, columns = with_no_rows(*dataset)
    scoring = replace(plan, purpose="scoring")
    del columns["came"], columns["outcome_known_at"]

    require_passed("ds-1", examine(scoring, built, columns))


def test_decisions_that_the_spine_repeats_may_share_an_id(dataset: Dataset) -> None:
    plan, built, columns = with_a_doubled_id(*dataset)

    require_passed("ds-1", examine(plan, replace(built, duplicates=1), columns))
