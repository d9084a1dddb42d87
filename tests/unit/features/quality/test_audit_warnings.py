"""A warning tier of the leakage audit: features far above the others, timeless counts of events; and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from assembly_line import allow_leak, days, static
from assembly_line.cli.views.datasets import draw_built
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.quality import QualityRule
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.files.session import connect
from assembly_line.features.model.findings import Finding, warnings_of
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.audit_of_counts import audit_counts
from assembly_line.features.quality.audit_of_knowledge import audit_knowledge
from assembly_line.features.quality.audit_of_outcome import audit_outcome
from assembly_line.features.quality.audit_of_power import odds, standing_out
from assembly_line.features.quality.gate import require_passed
from assembly_line.features.quality.leak_findings import FAR_ABOVE, TIMELESS_COUNTS, is_of_the_build
from assembly_line.features.values.columns import Column, Integers
from tests.unit.features.leaking_world import VISITORS, world
from tests.unit.features.small_world import PEOPLE, SmallLake, a_line

NAMES = ["events_count", "events_sum_n", "late_latest_n", "daily_count", "age", "share_of_x", "events_mean_x"]
ROWS = 2000
DAY = 86_400_000_000


def powers(strongest: float, others: list[float]) -> dict[str, float]:
    return {f"f{place}": auc for place, auc in enumerate([strongest, *others])}


HONEST = [0.76, 0.75, 0.65, 0.64, 0.62, 0.62, 0.6, 0.59, 0.58, 0.56, 0.55]


def test_a_backdated_event_and_a_static_count_stand_out_beside_the_best_honest_feature() -> None:
    found = standing_out({"backdated": 0.913, "ever": 0.92, **powers(0.5, HONEST)})

    assert found == ["ever", "backdated"]


def test_a_leak_does_not_hide_another_nor_a_weaker_one_itself() -> None:
    aucs = {"first": 0.93, "second": 0.9, "third": 0.87, **powers(0.5, HONEST)}

    assert set(standing_out(aucs)) == {"first", "second", "third"}


@pytest.mark.parametrize(
    ("said", "aucs"),
    [
        ("the shipped line", powers(0.760, HONEST)),
        ("strong features of one kind", powers(0.92, [0.91, 0.9, 0.89, 0.88, 0.86, 0.6])),
        ("a scale without a step", powers(0.86, [0.83, 0.79, 0.76, 0.72, 0.68, 0.6, 0.53, 0.52, 0.51])),
        ("noise, and one that tells something", powers(0.8, [0.51] * 30)),
        ("few, and one that tells much", powers(0.89, [0.6, 0.55])),
        ("two strong ones", powers(0.93, [0.88])),
        ("one alone", powers(0.94, [])),
    ],
)
def test_honest_features_do_not_stand_out(said: str, aucs: dict[str, float]) -> None:
    assert standing_out(aucs) == [], said


def test_one_leak_stands_out_beside_a_single_honest_feature() -> None:
    assert standing_out({"honest": 0.738, "leak": 0.927}) == ["leak"]


@pytest.mark.parametrize("leaks", [1, 2, 3, 4])
@pytest.mark.parametrize("honest", [3, 4, 5, 8, 20])
def test_leaks_stand_out_together_where_they_are_no_more_than_half_and_one(leaks: int, honest: int) -> None:
    for seed in range(50):
        random = np.random.default_rng(seed)
        strong = dict(enumerate(random.uniform(0.91, 0.92, size=leaks)))
        aucs = {f"leak{n}": auc for n, auc in strong.items()} | powers(
            0.731, list(random.uniform(0.5, 0.731, honest - 1))
        )

        assert set(standing_out(aucs)) == {f"leak{n}" for n in strong}


@pytest.mark.parametrize("number", [2, 3, 4, 5, 8, 20])
def test_no_feature_stands_out_of_a_scale_however_far_it_reaches(number: int) -> None:
    for seed in range(50):
        times = np.random.default_rng(seed).uniform(1, 1.99, size=number)
        reached = np.minimum(np.cumprod(times), odds(0.95))

        assert standing_out(powers(0.5, list(reached / (1 + reached)))) == []


MANY = [*NAMES, "weight", "events_long", "late_count", "visit_daily", "daily_since"]


def healthy(random: np.random.Generator) -> dict[str, Column]:
    """What entities have in common decides the outcome, and each feature shows some of it."""
    common = random.normal(size=ROWS)
    there = np.ones(ROWS, np.bool_)
    shown = random.uniform(0, 1, size=len(MANY))
    values = {name: one * common + random.normal(size=ROWS) for name, one in zip(MANY, shown, strict=True)}
    outcome = random.random(ROWS) < 1 / (1 + np.exp(2 - 1.5 * common))
    columns = {name: Column("float64", one, there) for name, one in values.items()}
    return {**columns, "came": Column("int64", outcome.astype(np.int64), there)}


@pytest.mark.parametrize("features", [tuple(MANY), ("age", "weight", "events_long"), ("age", "weight")], ids=len)
def test_generated_healthy_data_raises_no_alarm_and_a_planted_leak_does(
    dataset: tuple[Plan, dict[str, Column]], features: tuple[str, ...]
) -> None:
    plan = dataset[0]
    for seed in range(8):
        random = np.random.default_rng(seed)
        columns = healthy(random)
        leak = columns["came"].values * 2.1 + random.normal(size=ROWS)
        planted = {**columns, "age": Column("float64", leak, columns["came"].valid)}
        some = replace(plan, features=features)

        clean, spoilt = audit_outcome(some, columns), audit_outcome(some, planted)

        assert {one.result for one in clean} == {"passed"}
        assert [(one.feature, one.result) for one in spoilt if not one.passed] == [("age", "warning")]


def test_a_number_as_outcome_is_compared_on_the_same_scale(dataset: tuple[Plan, dict[str, Column]]) -> None:
    random = np.random.default_rng(5)
    columns = healthy(random)
    amount = Column("float64", random.normal(size=ROWS), columns["came"].valid)
    copied = Column("float64", amount.values + random.normal(size=ROWS) * 0.5, amount.valid)

    found = audit_outcome(replace(dataset[0], features=tuple(MANY)), {**columns, "came": amount, "age": copied})

    (leak,) = [one for one in found if not one.passed]
    assert (leak.feature, leak.result) == ("age", "warning")
    assert leak.value.startswith("|Spearman| 0.8")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return SmallLake(line_with_a_count(), counted_world(), tmp_path_factory.mktemp("warnings"))


def line_with_a_count() -> Line:
    """How often people ever came, stated without a time, and a number that has nothing to do with it."""
    line = a_line(horizon=days(3), window=days(5))
    people = replace(PEOPLE, columns={**PEOPLE.columns, "ever": "int64", "before": "int64", "one": "int64"})
    numbers = {name: static(people, name) for name in ("ever", "before", "one")}
    features = {
        name: replace(feature, source=people)
        if isinstance(feature, StaticFeature) and feature.source == PEOPLE
        else feature
        for name, feature in line.features.items()
    }
    return replace(line, features={**features, **numbers})


def counted_world() -> dict[str, list[dict[str, Any]]]:
    """Visits before the first decision and, by some, after the last."""
    tables = world()
    first = min(row["opens"] for row in tables["visits"]).date()
    daily = [row for row in tables["daily"] if row["user"] == "nobody"]
    for n in range(VISITORS):
        early = [first - days(2 + place) for place in range(n % 4)]
        late = [first + days(3 + n % 9 + place) for place in range(n % 3)]
        daily += [{"user": f"u{n}", "visit": n, "on": day, "n": 1} for day in (*early, *late)]
    people = [{**row, "ever": n % 4 + n % 3, "before": n % 4, "one": 1} for n, row in enumerate(tables["people"])]
    return {**tables, "daily": daily, "people": people}


def planned(lake: SmallLake, *rules: QualityRule) -> Plan:
    plan = lake.plan({"purpose": "training", "as_of": "2017-06-01", "features": [*NAMES, "ever", "before", "one"]})
    return replace(plan, line=replace(plan.line, quality=rules))


@pytest.fixture(scope="module")
def dataset(lake: SmallLake) -> tuple[Plan, dict[str, Column]]:
    plan, target = planned(lake), lake.folder / "data.parquet"
    build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    return plan, read_dataset(target)


def counted(lake: SmallLake, plan: Plan, columns: dict[str, Column]) -> list[Finding]:
    with connect(lake.folder, memory_mib=512) as connection:
        return audit_counts(plan, columns, DuckdbReader(connection, lake.planned_files(plan)))


def test_a_timeless_count_of_events_is_told_and_an_honest_number_is_not(
    lake: SmallLake, dataset: tuple[Plan, dict[str, Column]]
) -> None:
    (found,) = [
        one
        for one in audit_knowledge(
            dataset[0], lake.planned_files(dataset[0]), lake.folder / "data.parquet", memory_mib=512
        )
        if not one.passed
    ]

    assert (found.rule, found.feature, found.result) == (
        "leakage: ever counts events after the decision",
        "ever",
        "warning",
    )
    assert "equals how many daily they ever have" in found.value
    assert found.examples[0].value.endswith("of them by the first decision")
    assert is_of_the_build(found)


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        (lambda counts: counts["ever"], True),
        (lambda counts: counts["before"], False),
        (lambda counts: counts["before"] + 1, False),
        (lambda counts: counts["one"], False),
        (lambda counts: counts["ever"][::-1].copy(), False),
    ],
    ids=["ever", "before", "one more", "a constant", "others' counts"],
)
def test_only_the_count_over_all_time_is_told(
    lake: SmallLake,
    dataset: tuple[Plan, dict[str, Column]],
    stated: Callable[[dict[str, Integers]], Integers],
    told: bool,
) -> None:
    plan, columns = dataset
    counts = {name: columns[name].values for name in ("ever", "before", "one")}
    column = Column("int64", stated(counts), columns["ever"].valid)

    found = counted(lake, plan, {**columns, "ever": column})

    assert ("ever" in {one.feature for one in found}) is told
    assert told or [one.rule for one in found] == [TIMELESS_COUNTS]


def test_a_count_that_is_allowed_says_why(lake: SmallLake, dataset: tuple[Plan, dict[str, Column]]) -> None:
    plan = planned(lake, allow_leak("ever", reason="invitations are planned a year ahead"))

    (found,) = counted(lake, plan, dataset[1])

    assert found.result == "allowed"
    (told,) = warnings_of([found])
    assert told.endswith("(allowed: invitations are planned a year ahead)")


def test_a_single_feature_is_not_compared_rather_than_passed(dataset: tuple[Plan, dict[str, Column]]) -> None:
    columns = healthy(np.random.default_rng(1))
    single = replace(dataset[0], features=("age",))
    findings = {one.rule: one for one in audit_outcome(single, columns)}

    assert findings[FAR_ABOVE].result == "not judged"


def test_odds_are_those_of_pairs_in_order() -> None:
    assert odds(0.5) == 1
    assert odds(0.9) == pytest.approx(9)
    assert odds(1.0) < np.inf


def test_warnings_are_printed_when_a_dataset_is_built(dataset: tuple[Plan, dict[str, Column]], lake: SmallLake) -> None:
    findings = counted(lake, *dataset)
    require_passed("ds-1", findings)
    answer = {
        "dataset_id": "ds-1", "line": "small_world", "purpose": "training", "rows": 1, "spine_rows": 1, "positives": 1,
        "features": ["ever"], "engine": "duckdb", "seconds": 1.0, "data_uri": "", "manifest_uri": "", "run_id": "r",
        "took": "1 s", "exists": False, "warnings": warnings_of(findings),
    }  # fmt: skip
    console = Console(width=400)
    with console.capture() as capture:
        draw_built(answer)(console)

    assert "Warning: leakage: ever counts events after the decision: of " in capture.get()
