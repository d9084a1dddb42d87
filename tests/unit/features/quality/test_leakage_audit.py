"""The leakage audit lets an honest dataset through, and catches a planted leak of each kind."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from assembly_line import allow_leak, days, hours, latest, predictive, ratio, static
from assembly_line.declarations.quality import QualityRule
from assembly_line.errors import QualityGateFailed
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.findings import Finding
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.snapshots import EarlierSnapshot, SnapshotObject
from assembly_line.features.quality.audit_of_knowledge import audit_knowledge
from assembly_line.features.quality.audit_of_outcome import (
    audit_outcome,
    determines,
    outcome_columns,
    separation,
    spearman,
)
from assembly_line.features.quality.gate import require_passed
from assembly_line.features.quality.knowledge_samples import held_against, samples_of
from assembly_line.features.quality.leak_findings import (
    KNOWS_THE_FUTURE,
    OUTCOME_AMONG_FEATURES,
    PREDICTIVE_ALONE,
    TIMELESS_COUNTS,
    audit_of,
    is_of_the_build,
)
from assembly_line.features.sources.knowledge_cut import cut_source
from assembly_line.features.values.columns import Column, column_of
from assembly_line.features.values.semantics import Sight
from assembly_line.instants import to_micros
from tests.unit.features import reference
from tests.unit.features.leaking_world import LEAKS, VISITORS, scripts_with_leaks, with_leaks, world
from tests.unit.features.random_worlds import SPRING
from tests.unit.features.small_world import DAILY, LATE, PEOPLE, VISITS, SmallLake, a_line, write_rows

NAMES = ["events_count", "events_sum_n", "late_latest_n", "daily_count", "kind", "age", "share_of_x", "events_mean_x"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    return SmallLake(a_line(horizon=days(3), window=days(5)), world(), tmp_path_factory.mktemp("audit"))


def planned(lake: SmallLake, *rules: QualityRule) -> Plan:
    """With an id of its own: the plan's follows from where the files lie, and from it which decisions are looked at."""
    plan = lake.plan({"purpose": "training", "as_of": "2017-06-01", "features": NAMES})
    return replace(plan, dataset_id=f"ds-{0:032x}", line=replace(plan.line, quality=rules))


def audited(lake: SmallLake, folder: Path, *rules: QualityRule) -> list[Finding]:
    plan, target = planned(lake, *rules), lake.folder / "data.parquet"
    build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    return audit_knowledge(plan, lake.planned_files(plan), target, memory_mib=1024)


@pytest.fixture(scope="module")
def dataset(lake: SmallLake) -> tuple[Plan, dict[str, Column]]:
    plan, target = planned(lake), lake.folder / "honest.parquet"
    build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    return plan, read_dataset(target)


def test_honest_features_are_the_same_without_the_future(lake: SmallLake, tmp_path: Path) -> None:
    finding, *of_facts, of_counts = audited(lake, tmp_path)

    assert finding.result == "passed"
    assert finding.rule == KNOWS_THE_FUTURE
    assert finding.value.count("2017-0") == 3
    assert {one.rule: one.value for one in of_facts} == {
        f"leakage: facts without a time of {source}": "not comparable: no earlier snapshot"
        for source in ("visits", "people")
    }
    assert (of_counts.rule, of_counts.result) == (TIMELESS_COUNTS, "passed")
    assert not list(lake.folder.glob("knowledge of *"))


def test_decisions_with_a_null_key_have_no_id_and_accuse_no_feature(dataset: tuple[Plan, dict[str, Column]]) -> None:
    plan, _ = dataset
    one = replace(plan, features=("age",))

    def columns(ids: list[str | None], ages: list[int]) -> dict[str, Column]:
        return {"decision_id": column_of("string", ids), "age": column_of("int64", ages)}

    same = held_against(one, columns([None, "a", None], [1, 2, 3]), columns([None, None, None, "a"], [4, 3, 1, 2]))
    other = held_against(one, columns([None, "a"], [1, 2]), columns(["a", None], [5, 1]))

    assert (dict(same.columns), same.common) == ({}, 1)
    assert other.columns["age"].differing == 1


def test_a_sampled_dataset_is_audited_like_any_other(lake: SmallLake) -> None:
    request = {"purpose": "training", "as_of": "2017-06-01", "features": NAMES}
    plan = lake.plan({**request, "sampling": {"keep_negatives": 0.5, "seed": 7}})
    target = lake.folder / "sampled.parquet"
    built = build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)

    finding, *_ = audit_knowledge(plan, lake.planned_files(plan), target, memory_mib=1024)

    assert built.excluded["sampled_out"] > 0
    assert finding.result == "passed"


@pytest.fixture
def peeking(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that sees two days ahead."""
    ahead = 2 * 86_400_000_000
    monkeypatch.setattr(
        "assembly_line.features.engines.engine_duckdb.sight_of", lambda *_: Sight(before=1, hold=-ahead)
    )
    monkeypatch.setattr("assembly_line.features.engines.engine_duckdb.looked_at", lambda *_: (None, None))


@pytest.mark.usefixtures("peeking")
def test_features_that_know_the_future_are_caught_with_decisions_and_both_values(
    lake: SmallLake, tmp_path: Path
) -> None:
    findings = audited(lake, tmp_path)

    leaking = {finding.feature: finding for finding in findings}
    assert {"events_count", "events_sum_n"} <= leaking.keys()
    assert not {"kind", "age"} & leaking.keys()
    count = leaking["events_count"]
    assert count.rule == "leakage: events_count knows the future"
    assert count.stops
    assert count.examples[0].decision_id is not None
    assert "without the future" in count.examples[0].value
    with pytest.raises(QualityGateFailed, match=r"events_count knows the future: .*such as d1-2017"):
        require_passed("ds-1", findings)
    assert audit_of(planned(lake).line, findings)["passed"] is False


def test_views_and_udfs_that_peek_are_caught_and_honest_ones_are_not(tmp_path: Path) -> None:
    lake, scripts = SmallLake(with_leaks(), world(), tmp_path), scripts_with_leaks(tmp_path)
    plan = lake.plan({"purpose": "training", "as_of": "2017-06-01"}, scripts=scripts)
    files, target = lake.planned_files(plan), tmp_path / "data.parquet"
    build_on_duckdb(plan, files, target, memory_mib=1024, scripts=scripts)

    findings = audit_knowledge(plan, files, target, memory_mib=1024, scripts=scripts)

    leaks = {finding.feature: finding for finding in findings if finding.stops}
    assert leaks.keys() == LEAKS
    assert [one.rule for one in findings if one.result == "warning"] == [
        "leakage: ever counts events after the decision"
    ]
    assert "without the future" in leaks["next_n"].examples[0].value
    assert leaks["looked_up"].examples[0].value == "7, and None without the future"
    assert "no file, no network, no earlier question" in leaks["remembered"].advice


def test_facts_that_changed_since_the_snapshot_before_are_told(lake: SmallLake, tmp_path: Path) -> None:
    people = [{**row, "age": 1 if row["user"] in ("u3", "u7") else row["age"]} for row in world()["people"]]
    path = lake.folder / "people before.parquet"
    write_rows(PEOPLE, [row for row in people if row["user"] != "u9"], path)
    plan, target = planned(lake), lake.folder / "facts.parquet"
    build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024)
    item = SnapshotObject(key=str(path), version="1", bytes=1, rows=VISITORS - 1, min_time=None, max_time=None)
    earlier = EarlierSnapshot(snapshot="before", columns=PEOPLE.columns, objects=(item,))
    plan = replace(plan, inputs={**plan.inputs, "people": replace(plan.inputs["people"], earlier=earlier)})

    def facts(plan: Plan, **earlier: Any) -> dict[str, Finding]:
        found = audit_knowledge(plan, lake.planned_files(plan), target, memory_mib=1024, **earlier)
        return {finding.rule.removeprefix("leakage: "): finding for finding in found if is_of_the_build(finding)}

    (changed,) = [one for one in facts(plan, earlier={"people": [path]}).values() if one.feature == "age"]
    assert (changed.rule, changed.result) == ("leakage: age changes without a time", "warning")
    assert re.fullmatch(r"3 of \d+ values are others than .* before, 1 of them were not there", changed.value)
    assert {one.value for one in changed.examples} == {
        "11, and 1 in the snapshot before",
        "59, and 1 in the snapshot before",
        "33, and None in the snapshot before",
    }
    assert not changed.stops
    gone = facts(plan)["facts without a time of people"]
    assert (gone.result, gone.value) == ("not judged", "not comparable: the earlier snapshot was deleted")
    other = replace(earlier, columns={**PEOPLE.columns, "age": "string"})
    plan = replace(plan, inputs={**plan.inputs, "people": replace(plan.inputs["people"], earlier=other)})
    assert facts(plan)["facts without a time of people"].value == "not comparable: the earlier snapshot has no such age"


@pytest.mark.usefixtures("peeking")
def test_a_leak_that_is_allowed_is_told_and_does_not_stop(lake: SmallLake, tmp_path: Path) -> None:
    reason = "the count is of announced events, which are known days ahead"
    plan = planned(lake, allow_leak("events_count", reason=reason))

    findings = audited(lake, tmp_path, *plan.line.quality)

    (count,) = [finding for finding in findings if finding.feature == "events_count"]
    assert (count.result, count.allowed) == ("allowed", reason)
    require_passed("ds-1", [count])
    assert audit_of(plan.line, findings)["allowed"] == [{"feature": "events_count", "reason": reason}]


def test_the_sample_is_the_same_each_time_and_covers_the_period(dataset: tuple[Plan, dict[str, Column]]) -> None:
    plan, columns = dataset
    samples = samples_of(plan, columns)

    times = columns["decision_time"].values
    assert [sample.instant for sample in samples] == [sample.instant for sample in samples_of(plan, columns)]
    thirds = np.array_split(np.unique(times), 3)
    for sample, third in zip(samples, thirds, strict=True):
        assert sample.instant in third
        assert times[sample.rows].max() == sample.instant
        assert (times[sample.rows] == sample.instant).sum() == (times == sample.instant).sum()
    assert samples_of(plan, {"decision_time": times_of([])}) == []


def times_of(values: list[int]) -> Column:
    return column_of("timestamp", values)


@pytest.mark.parametrize("boundary", ["before", "at_or_before"])
@pytest.mark.parametrize("source", [replace(LATE, delay=None), replace(DAILY, delay=hours(5))], ids=["late", "daily"])
def test_what_is_cut_is_what_the_rules_of_point_in_time_say(tmp_path: Path, source: Any, boundary: str) -> None:
    tables = world()[source.name]
    tables[3] = {**tables[3], "known": None}
    write_rows(source, tables, tmp_path / "rows.parquet")
    instants = [SPRING + days(6), SPRING + days(6) + hours(9), reference.happened_at(tables[0], source)]
    for number, instant in enumerate(instants):
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            (cut,) = cut_source(
                connection,
                source,
                [tmp_path / "rows.parquet"],
                tmp_path / str(number),
                columns=tuple(source.columns),
                instant=to_micros(instant),
                boundary=boundary,
            )
            kept = connection.execute("SELECT count(*) FROM read_parquet(?)", [str(cut)]).fetchall()[0][0]

        expected = 0
        for row in tables:
            happened = reference.happened_at(row, source)
            known = row["known"] if source.known_time else happened + source.delay
            early = happened < instant or (boundary == "at_or_before" and happened == instant)
            expected += bool(early and known is not None and known <= instant)
        assert kept == expected


def spoilt(dataset: tuple[Plan, dict[str, Column]], name: str, column: Column) -> tuple[Plan, dict[str, Column]]:
    return dataset[0], {**dataset[1], name: column}


def results(findings: list[Finding]) -> dict[str, str]:
    return {finding.rule.removeprefix("leakage: "): finding.result for finding in findings}


def test_an_honest_dataset_passes_the_checks_of_its_outcome(dataset: tuple[Plan, dict[str, Column]]) -> None:
    assert results(audit_outcome(*dataset)) == {
        "outcome among the features": "passed",
        "features predictive alone": "passed",
        "features far above the others": "passed",
    }


def test_a_feature_that_predicts_the_outcome_alone_is_caught(dataset: tuple[Plan, dict[str, Column]]) -> None:
    came = dataset[1]["came"].values
    noise = np.random.default_rng(1).normal(size=len(came))
    planted = Column("float64", came * 3.0 + noise, np.ones(len(came), np.bool_))
    plan, columns = spoilt(dataset, "share_of_x", planted)

    findings = {finding.feature: finding for finding in audit_outcome(plan, columns) if finding.feature}
    lax = replace(plan, line=replace(plan.line, quality=(predictive(at_most=1.0),)))

    assert set(findings) == {"share_of_x"}
    assert findings["share_of_x"].stops
    assert "AUC 0.9" in findings["share_of_x"].value
    assert results(audit_outcome(lax, columns))["features predictive alone"] == "passed"


def test_a_feature_whose_absence_tells_the_outcome_is_caught(dataset: tuple[Plan, dict[str, Column]]) -> None:
    came = dataset[1]["came"].values == 1
    values = np.random.default_rng(2).normal(size=len(came))
    plan, columns = spoilt(dataset, "share_of_x", Column("float64", values, ~came))

    found = [finding.rule for finding in audit_outcome(plan, columns) if finding.stops]

    assert found == ["leakage: share_of_x predicts the outcome alone"]


def test_a_feature_that_determines_the_outcome_is_caught(dataset: tuple[Plan, dict[str, Column]]) -> None:
    came = dataset[1]["came"].values
    words = Column("string", np.array([["no", "never", "yes"][min(2, 2 * one + n % 2)] for n, one in enumerate(came)],
                                      dtype=object), np.ones(len(came), np.bool_))  # fmt: skip

    found = [finding.rule for finding in audit_outcome(*spoilt(dataset, "kind", words)) if finding.stops]

    assert found == ["leakage: kind determines the outcome"]


def test_a_timeless_copy_of_the_outcome_is_caught_before_any_value_is_looked_at(lake: SmallLake) -> None:
    line = a_line(horizon=days(3))
    copied = replace(PEOPLE, name="people", columns={**PEOPLE.columns, "visit": "int64", "n": "int64"},
                     entities=(*PEOPLE.entities, *VISITS.entities))  # fmt: skip
    named = replace(VISITS, columns={**VISITS.columns, "came": "boolean"})
    features = {
        "events_count": line.features["events_count"],
        "reply": static(copied, "n", by=PEOPLE.entities[0]),
        "honest": static(copied, "age", by=PEOPLE.entities[0]),
        "shown_up": static(named, "came"),
        "earlier": latest(DAILY, "n", by=PEOPLE.entities[0]),
        "rate": ratio("reply", "events_count"),
    }
    invited = line.decision.spine
    decision = replace(line.decision, spine=invited, time=static(named, "opens"))
    line = replace(line, decision=decision, features=features)

    leaks = {leak.feature: leak for leak in outcome_columns(line, ["rate", "honest", "shown_up", "earlier"])}

    assert set(leaks) == {"reply", "shown_up"}
    assert "column n of people, what daily states, without its time" in leaks["reply"].value
    assert "column came of visits, named like the outcome came" in leaks["shown_up"].value


def test_few_rows_are_not_judged_rather_than_passed(dataset: tuple[Plan, dict[str, Column]]) -> None:
    plan, columns = dataset
    few = {name: column.slice(0, 50) for name, column in columns.items()}

    findings = {finding.rule: finding for finding in audit_outcome(plan, few)}

    assert findings[PREDICTIVE_ALONE].result == "not judged"
    assert "50 rows" in findings[PREDICTIVE_ALONE].value
    assert "too little to judge by" in findings[OUTCOME_AMONG_FEATURES].value


def test_a_number_as_outcome_is_audited_by_its_rank_correlation(dataset: tuple[Plan, dict[str, Column]]) -> None:
    plan, columns = dataset
    rows = len(columns["came"])
    amount = Column("float64", np.random.default_rng(3).normal(size=rows), np.ones(rows, np.bool_))
    copied = Column("float64", -np.exp(amount.values), np.ones(rows, np.bool_))

    findings = audit_outcome(plan, {**columns, "came": amount, "share_of_x": copied})

    (leak,) = [finding for finding in findings if finding.stops]
    assert (leak.feature, leak.value) == ("share_of_x", f"|Spearman| 1.000 over {rows} rows")


def test_separation_is_what_counting_pairs_gives() -> None:
    random = np.random.default_rng(4)
    values = random.integers(0, 6, size=60)
    valid = random.random(60) > 0.2
    positive = random.random(60) < 0.4
    column = Column("int64", values, valid)

    found = separation(column, positive)

    best = 0.0
    for null in (-1, 99):
        scores = [int(value) if whole else null for value, whole in zip(values, valid, strict=True)]
        ups = [score for score, up in zip(scores, positive, strict=True) if up]
        downs = [score for score, up in zip(scores, positive, strict=True) if not up]
        share = sum((up > down) + (up == down) / 2 for up in ups for down in downs) / (len(ups) * len(downs))
        best = max(best, share, 1 - share)
    assert found == pytest.approx(best)


def test_a_string_that_never_repeats_tells_nothing() -> None:
    names = column_of("string", [f"name {n}" for n in range(400)])
    positive = np.arange(400) % 4 == 0

    assert separation(names, positive) < 0.6
    assert not determines(names, positive)
    assert determines(column_of("int64", [n % 4 for n in range(400)]), positive)
    assert not determines(column_of("int64", [n % 3 for n in range(400)]), positive)


def test_rank_correlation_takes_ties_at_their_mean() -> None:
    # By hand: ranks 1.5 1.5 3 4 and 2 1 3.5 3.5, products of deviations 4, squares 4.5 and 4.5.
    assert spearman(np.array([1, 1, 2, 3]), np.array([5, 4, 9, 9])) == pytest.approx(4 / 4.5)
    assert spearman(np.array([1, 1, 1]), np.array([1, 2, 3])) == 0.0
