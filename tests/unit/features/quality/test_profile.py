"""The profile: its figures are those of plain Python, its page is well-formed, and personal values are not on it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.features.model.findings import Example, Finding
from assembly_line.features.profile.figures import NULL, Profile, profile_of
from assembly_line.features.profile.page import Subject, page
from assembly_line.features.profile.plots import bars, short
from assembly_line.features.values.columns import Column, column_of
from assembly_line.instants import to_micros
from tests.unit.features.small_world import PEOPLE, a_line

SECRET = "Baile Átha <Cliath>"
ROWS = 240
AGES = [None if n % 12 == 0 else n * 7 % 61 for n in range(ROWS)]
CAME = [int(n * 7 % 61 > 40) for n in range(ROWS)]
KINDS = ["a", "b", "b", 'c"&<x>'] * (ROWS // 4)
MONTHS = [1 + n * 4 // ROWS for n in range(ROWS)]


def parsed(text: str) -> ET.Element:
    """A page, without its doctype, or a plot."""
    return ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))  # noqa: S314 - this project's own text


def columns() -> dict[str, Column]:
    times = [to_micros(datetime(2017, month, 9, tzinfo=UTC)) for month in MONTHS]
    return {
        "decision_id": column_of("string", [f"d1-{n}" for n in range(ROWS)]),
        "decision_time": column_of("timestamp", times),
        "user": column_of("string", ["u"] * ROWS),
        "visit": column_of("int64", list(range(ROWS))),
        "kind": column_of("string", KINDS),
        "age": column_of("int64", AGES),
        "weight": column_of("float64", [None] * ROWS),
        "town": column_of("string", [SECRET] * ROWS),
        "born": column_of("date", [n % 300 for n in range(ROWS)]),
        "came": column_of("int64", CAME),
    }


def line(*personal: str) -> Line:
    whole = a_line()
    people = replace(PEOPLE, personal=personal)
    features = {
        name: replace(feature, source=people)
        for name in ("age", "weight", "town", "born")
        if isinstance(feature := whole.features[name], StaticFeature)
    }
    kept = {"kind": whole.features["kind"], **features}
    return replace(whole, features=kept, training=replace(whole.training, baseline="age"))


@pytest.fixture(scope="module")
def profile() -> Profile:
    return profile_of(line("town"), columns())


def a_page(profile: Profile, findings: tuple[Finding, ...] = (), **changed: Any) -> str:
    subject = Subject(
        title="Who <comes>?",
        owner="tests & co",
        dataset_id="ds-1",
        purpose="training",
        described={"as of": "2017-06-01"},
        excluded={"immature": 3, "without_time": 0},
        findings=findings,
        limitations=("source people is static",),
    )
    return page(replace(subject, **changed), profile)


def features_of(profile: Profile) -> Mapping[str, Any]:
    return {feature.name: feature for feature in profile.features}


def test_the_figures_of_a_number_are_those_of_plain_python(profile: Profile) -> None:
    age = features_of(profile)["age"]
    known = sorted(value for value in AGES if value is not None)

    assert (age.rows, age.nulls, age.distinct) == (ROWS, AGES.count(None), len(set(known)))
    assert (age.low, age.high, age.mean) == (known[0], known[-1], pytest.approx(sum(known) / len(known)))
    assert age.quantiles[0.5] == np.quantile(known, 0.5)
    assert sum(level.rows for level in age.distribution) == len(known)
    assert sum(level.rows for level in age.relation) == ROWS
    low = float(age.relation[0].label.removeprefix("to "))
    rows = [came for value, came in zip(AGES, CAME, strict=True) if value is not None and value <= low]
    assert (age.relation[0].rows, age.relation[0].rate) == (len(rows), sum(rows) / len(rows))
    nulls = [came for value, came in zip(AGES, CAME, strict=True) if value is None]
    assert (age.relation[-1].label, age.relation[-1].rows) == (NULL, len(nulls))
    assert age.relation[-1].rate == sum(nulls) / len(nulls)


def test_whole_numbers_of_a_narrow_range_are_counted_one_by_one() -> None:
    visits = column_of("int64", [-1 + n % 13 + (n % 13 == 5) for n in range(ROWS)])

    shown = features_of(profile_of(line(), {**columns(), "age": visits}))["age"].distribution

    counts = {str(value): visits.values.tolist().count(value) for value in range(-1, 12)}
    assert {level.label: level.rows for level in shown} == counts
    assert [level.label for level in shown] == sorted(counts, key=int)
    assert counts["4"] == 0  # a value that nobody has leaves its gap


def test_what_happens_over_time_is_counted_by_month(profile: Profile) -> None:
    months = features_of(profile)["age"].months

    assert [month.label for month in months] == ["2017-01", "2017-02", "2017-03", "2017-04"]
    for number, (month, whole) in enumerate(zip(months, profile.months, strict=True), start=1):
        rows = [n for n in range(ROWS) if MONTHS[n] == number]
        ages = [AGES[n] for n in rows]
        known = [value for value in ages if value is not None]
        assert (month.rows, whole.rows) == (len(rows), len(rows))
        assert month.nulls == pytest.approx(ages.count(None) / len(rows))
        assert month.mean == pytest.approx(sum(known) / len(known))
        assert whole.rate == pytest.approx(sum(CAME[n] for n in rows) / len(rows))
    assert profile.rate == pytest.approx(sum(CAME) / ROWS)
    assert (profile.first, profile.last, profile.is_share) == ("2017-01-09", "2017-04-09", True)


def test_a_category_is_counted_by_value(profile: Profile) -> None:
    kind = features_of(profile)["kind"]

    assert {level.label: level.rows for level in kind.distribution} == {"b": 120, "a": 60, 'c"&<x>': 60}
    for level in kind.relation:
        rows = [CAME[n] for n in range(ROWS) if KINDS[n] == level.label]
        assert level.rate == pytest.approx(sum(rows) / len(rows))
    born = features_of(profile)["born"]
    assert born.distribution[-1].label == "230 other values"
    assert born.distribution[0].label == "1970-01-01"


def test_personal_features_have_counts_and_nothing_else(profile: Profile) -> None:
    town = features_of(profile)["town"]

    assert (town.personal, town.nulls, town.distinct) == (True, 0, 1)
    assert (town.distribution, town.relation, town.quantiles, town.low, town.mean) == ((), (), {}, None, None)
    personal = features_of(profile_of(line("age"), columns()))["age"]
    assert (personal.low, personal.quantiles, {month.mean for month in personal.months}) == (None, {}, {None})
    written = a_page(profile)
    assert "Baile" not in written
    assert "personal data: values are not shown" in written


def test_the_page_is_well_formed_escaped_and_needs_nothing_else(profile: Profile) -> None:
    finding = Finding(
        rule="leakage: age predicts the outcome alone",
        passed=False,
        severity="error",
        value="AUC <1>",
        expected="e",
        advice="a",
        feature="age",
        allowed="known & agreed",
        examples=(Example(decision_id="d1-7", column="age", value=9),),
    )
    written = a_page(profile, (finding,))

    root = parsed(written)
    text = " ".join(root.itertext())
    for said in (
        "Who <comes>?",
        "tests & co",
        'c"&<x>',
        "AUC <1>",
        "known & agreed",
        "d1-7",
        "source people is static",
    ):
        assert said in text
    assert not any(word in written for word in ("<script", "http:", "https:", "src=", "@import", "url("))
    names = [one.get("id") for one in root.iter("section")]
    assert names == ["kind", "age", "weight", "town", "born"]
    plots = [node for node in root.iter() if node.tag.endswith("svg")]
    assert len(plots) == 1 + 3 + 3 + 2 + 1 + 3
    for plot in plots:
        assert plot.get("role") == "img"
        assert [child.tag.rpartition("}")[2] for child in plot][:2] == ["title", "desc"]
    assert all(table.find("caption") is not None for table in root.iter("table"))
    assert root.get("lang") == "en"


def test_a_dataset_without_rows_or_outcome_has_a_page_too() -> None:
    empty = {name: column.slice(0, 0) for name, column in columns().items()}
    scoring = {name: column for name, column in columns().items() if name != "came"}

    nothing, unknown = profile_of(line(), empty), profile_of(line(), scoring)

    assert (nothing.rows, nothing.rate, nothing.months) == (0, None, ())
    assert unknown.outcome is None
    assert features_of(unknown)["age"].relation == ()
    for one in (nothing, unknown):
        parsed(a_page(one))


def test_a_number_as_outcome_is_shown_by_its_mean() -> None:
    amounts = [float(n) for n in range(ROWS)]
    found = profile_of(line(), {**columns(), "came": column_of("float64", amounts)})

    assert not found.is_share
    assert found.rate == pytest.approx(sum(amounts) / ROWS)
    assert features_of(found)["kind"].separation is None
    parsed(a_page(found))


def test_plots_scale_with_what_they_show() -> None:
    root = parsed(bars([], title="t", description="d"))
    assert root.get("role") == "img"
    assert [short(value) for value in (0.0123, 12345, 3_400_000, -2e10)] == ["0.0123", "12.3k", "3.4M", "-20G"]


BY_CLASS = {
    "asked": {"keep_negatives": 0.2, "seed": 0},
    "kept": {"positives": 80, "negatives": 160},
    "dropped": {"positives": 0, "negatives": 640},
    "weights": {"positives": 1.0, "negatives": 5.0},
}
BY_SHARE = {
    "asked": {"share": 0.5},
    "kept": {"decisions": 240},
    "dropped": {"decisions": 250},
    "weights": {"decisions": 2},
}


def facts_of(root: ET.Element) -> dict[str, str]:
    (facts,) = [one for one in root.iter("dl") if one.get("class") == "facts"]
    return {str(one[0].text): str(one[1].text) for one in facts}


def test_a_sample_says_that_its_figures_are_its_own_and_what_the_whole_has(profile: Profile) -> None:
    rate = f"{profile.rate:.2%}"

    drawn = parsed(a_page(profile, sampling=BY_CLASS))
    whole = parsed(a_page(profile))

    assert facts_of(whole)["Outcome came"] == rate
    assert facts_of(drawn)["Outcome came, of the sample"] == rate
    assert facts_of(drawn)["Outcome came, of all decisions"] == "9.09%"  # 80 of 880
    (said,) = [text.text or "" for text in drawn.iter("p") if text.get("class") == "sampled"]
    assert "negatives: 160 of 800, each stands for 5" in said.lower()
    assert [one for one in whole.iter("p") if one.get("class") == "sampled"] == []
    assert any((one.text or "").endswith("by month, of the sample") for one in drawn.iter("figcaption"))


def test_a_share_of_all_decisions_says_nothing_of_the_whole_beside_its_own_rate(profile: Profile) -> None:
    facts = facts_of(parsed(a_page(profile, sampling=BY_SHARE)))

    assert "Outcome came, of the sample" in facts
    assert "Outcome came, of all decisions" not in facts
