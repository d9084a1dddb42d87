"""Expressions of whole columns, by the rules term by term; what they ask of the sources, and what names them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assembly_line import Feature, expression, ratio
from assembly_line.declarations.formulas import parsed
from assembly_line.declarations.lines import Line
from assembly_line.features.explain.reference_formulas import value_of
from assembly_line.features.kernel.expressions import expression_of
from assembly_line.features.model.dataset_ids import dataset_id_of
from assembly_line.features.model.workload import workload_of
from assembly_line.features.values.columns import column_of
from assembly_line.features.wording.feature_listing import Users, listed_features
from tests.unit.features import reference
from tests.unit.features.small_world import a_line, values_of

NUMBERS = [None, 0.0, -0.0, 1.0, -1.0, 3.5, -2.0, 1e300, -1e300, math.inf, -math.inf, math.nan]
FORMULAS = [
    "x + y",
    "x - y * 2",
    "x / y",
    "x / (y - y)",
    "abs(x) * -y",
    "log1p(x)",
    "min(x, y, 1)",
    "max(x, y)",
    "x < y",
    "x <= y",
    "x > y",
    "x >= y",
    "x == y",
    "x != y",
    "p == q",
    "p and q or not p",
    "coalesce(x, y, 0)",
    "coalesce(p, q)",
    "is_null(x) or x > 0",
    "x if p else y / 0",
    "p if x > 1 else q",
    "(x if p else 1) if q else 2",
]


@given(
    x=st.sampled_from(NUMBERS),
    y=st.sampled_from(NUMBERS),
    p=st.sampled_from([True, False, None]),
    q=st.sampled_from([True, False, None]),
)
def test_a_formula_of_columns_is_what_the_rules_say(x: Any, y: Any, p: Any, q: Any) -> None:
    row = {"x": x, "y": y, "p": p, "q": q}
    columns = {name: column_of("boolean" if name in "pq" else "float64", [value, value]) for name, value in row.items()}

    for formula in FORMULAS:
        tree = parsed(formula)
        expected = reference.plain(reference.formula(tree, row.__getitem__))
        found = values_of(expression_of(tree, columns, 2))
        assert repr(found) == repr([expected, expected]), formula
        assert repr(reference.plain(value_of(tree, row))) == repr(expected), formula


def test_a_part_that_nobody_asked_for_is_computed_and_read_but_is_no_column() -> None:
    line = a_line()
    workload = workload_of(line, ("score",))

    assert workload.features == ("score",)
    assert list(workload.derived) == ["trend", "share", "busy", "score"]
    assert [group.source.name for group in workload.timed] == ["events", "daily"]
    assert [group.source.name for group in workload.static] == ["visits", "people"]


def test_a_dataset_is_named_by_all_that_its_expressions_are_made_of() -> None:
    line = a_line()
    changed = replace(line, features={**line.features, "share": ratio("events_sum_n", "events_count")})

    assert named(changed, "busy") != named(line, "busy")
    assert named(changed, "trend") == named(line, "trend")


def named(line: Line, feature: str) -> str:
    period = {"as_of": "2017-07-01", "from": None, "to": None}
    return dataset_id_of(line, (feature,), period, {"events": "0" * 64}, purpose="scoring")


def test_an_expression_is_listed_with_what_its_parts_read_and_with_its_users() -> None:
    line = a_line()
    renamed = replace(line, name="other", features=renaming(line))

    (score,) = [one for one in listed_features(line) if one.name == "score"]

    assert (score.kind, score.type) == ("expression", "float64")
    assert score.parts == ("busy", "weight", "events_max_x", "age", "daily_count")
    assert score.sources == ("events", "visits", "people", "daily")
    assert Users({"small_world": line, "other": renamed}).of(line, "trend") == {
        "small_world": "trend",
        "other": "tendency",
    }


def renaming(line: Line) -> dict[str, Feature]:
    """The same expression under other names, and one that only looks alike."""
    parts = {f"other_{name}": line.features[name] for name in ("events_sum_n", "events_long", "events_count")}
    return {
        "events_count": line.features["events_count"],
        **parts,
        "alike": expression("(other_events_long - other_events_sum_n / 3) / other_events_count"),
        "tendency": expression("(other_events_sum_n - other_events_long / 3) / other_events_count"),
    }
