"""Comparing datasets: by decision and not by place, exactly or within 1e-9, with every difference counted."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import Feature, days, hours, latest, ratio, since_last, stddev
from assembly_line.features.values.columns import Column, column_of
from assembly_line.features.values.comparison import Comparison, compare
from assembly_line.features.values.plain_values import plain_values, rounds, same, unequal
from assembly_line.features.wording.wording import in_words
from tests.unit.features.small_world import EVENTS, a_line

FLOATS = st.one_of(
    st.none(), st.sampled_from([0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-6, 1e300, math.inf, -math.inf, math.nan])
)
ROWS = st.lists(st.tuples(st.sampled_from("abcd"), FLOATS, st.one_of(st.none(), st.integers(-2, 2))), max_size=8)


def table(rows: Any) -> dict[str, Column]:
    ids, floats, numbers = zip(*rows, strict=True) if rows else ((), (), ())
    return {
        "decision_id": column_of("string", ids),
        "x": column_of("float64", floats),
        "n": column_of("int64", numbers),
    }


def counted(rows: Any) -> list[tuple[tuple[str, int], Any]]:
    """Each decision with how often it came before."""
    seen: Counter[str] = Counter()
    found = []
    for name, *values in rows:
        found.append(((name, seen[name]), values))
        seen[name] += 1
    return found


@given(first=ROWS, second=ROWS, rounded=st.booleans())
def test_a_comparison_is_that_of_one_value_after_the_other(first: Any, second: Any, rounded: bool) -> None:
    found = compare(table(first), table(second), ["x", "n"], rounded={"x"} if rounded else ())

    one, other = dict(counted(first)), dict(counted(second))
    both = [name for name in one if name in other]
    assert found.common == len(both)
    assert list(found.only_first) == [name[0] for name in one if name not in other]
    assert list(found.only_second) == [name[0] for name in other if name not in one]
    for place, name in enumerate(("x", "n")):
        apart = [key for key in both if not same(one[key][place], other[key][place], rounded=rounded and name == "x")]
        assert (found.columns[name].differing if name in found.columns else 0) == len(apart)
    assert found.equal == (not found.only_first and not found.only_second and not found.columns)
    assert len(found.examples) == min(10, sum(column.differing for column in found.columns.values()))


@given(pairs=st.lists(st.tuples(FLOATS, FLOATS), max_size=10), rounded=st.booleans())
def test_columns_differ_where_their_values_do(pairs: Any, rounded: bool) -> None:
    one, other = (column_of("float64", [pair[side] for pair in pairs]) for side in (0, 1))

    expected = [not same(*pair, rounded=rounded) for pair in pairs]

    assert unequal(one, other, rounded=rounded).tolist() == expected


def compared(first: Any, second: Any) -> Comparison:
    return compare({"decision_id": column_of("string", ["a", "b", "c"]), "v": first},
                   {"decision_id": column_of("string", ["a", "b", "c"]), "v": second}, ["v"])  # fmt: skip


def test_the_largest_difference_and_the_nulls_of_each_side_are_counted() -> None:
    found = compared(column_of("decimal(9,2)", [100, 250, None]), column_of("decimal(9,2)", [150, None, 7])).columns[
        "v"
    ]

    assert (found.differing, found.only_first_null, found.only_second_null, found.largest) == (3, 1, 1, 0.5)


def test_text_differs_without_a_size_and_a_changed_type_differs_everywhere() -> None:
    texts = column_of("string", ["x", "y", None])

    assert compared(texts, column_of("string", ["x", "z", None])).columns["v"].largest is None
    changed = compared(texts, column_of("int64", [1, 2, None]))
    assert changed.columns["v"].differing == 2
    assert [(one.first, one.second) for one in changed.examples] == [("x", 1), ("y", 2)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("events_count", "how many of the user's events in the 1 day before the decision"),
        ("events_distinct_s", "how many different values of s of the user's events in the 1 day before the decision"),
        ("late_latest_s", "s in the latest of the user's late known at the decision"),
        ("spread", "the sample's standard deviation of x of the user's events in the 36 hours before the decision"),
        (
            "since",
            "days between the decision and the latest of the user's events known then, if that is at most 90 days old",
        ),
        ("last", "n in the latest of the user's events known at the decision, if that is at most 90 minutes old"),
        ("part", "events_count divided by events_sum_n; null where that is 0 or either is null"),
        ("kind", "kind of the visit, as visits states it without a time"),
    ],
)
def test_features_are_said_in_words(name: str, words: str) -> None:
    line = a_line()
    more: dict[str, Feature] = {
        "spread": stddev(EVENTS, "x", window=hours(36)),
        "since": since_last(EVENTS, max_age=days(90)),
        "last": latest(EVENTS, "n", max_age=hours(1.5)),
        "part": ratio("events_count", "events_sum_n"),
    }

    assert in_words(replace(line, features={**line.features, **more}), name) == words


def test_only_what_may_round_is_compared_with_room() -> None:
    line = a_line()

    events = {name for name in line.features if name.startswith("events")}
    rounding = {name for name in events if rounds(line, name)}

    assert rounding == {name for name in events if {"sum", "mean", "deviation", "share"} & set(name.split("_"))}
    assert {f"events_{kind}_{column}" for kind in ("sum", "mean", "deviation") for column in "nxd"} <= rounding
    assert plain_values(column_of("decimal(9,2)", [150]))[0] == 1.5
