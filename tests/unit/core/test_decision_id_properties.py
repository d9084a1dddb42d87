"""A decision keeps its name; no two decisions share one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line.decision_ids import PATTERN, day_of, decision_id

INSTANT = datetime(2017, 7, 12, 4, tzinfo=UTC)
TEXTS = st.text(min_size=1, max_size=4)
KEYS = st.lists(st.tuples(TEXTS, st.integers() | TEXTS | st.booleans()), max_size=3)


@given(KEYS, KEYS)
def test_different_keys_give_different_names(first: list[tuple[str, int]], second: list[tuple[str, int]]) -> None:
    same = [(name, type(value), value) for name, value in first] == [
        (name, type(value), value) for name, value in second
    ]

    assert (decision_id("ab", first, INSTANT) == decision_id("ab", second, INSTANT)) == same


def test_neighbouring_texts_cannot_be_confused() -> None:
    assert decision_id("ab", [("a", "1"), ("b", "2")], INSTANT) != decision_id("ab", [("a", "1b2")], INSTANT)
    assert decision_id("ab", [("a", 1)], INSTANT) != decision_id("ab", [("a", "1")], INSTANT)
    assert decision_id("ab", [("a", True)], INSTANT) != decision_id("ab", [("a", 1)], INSTANT)


def test_one_instant_in_two_zones_is_one_decision() -> None:
    elsewhere = INSTANT.astimezone(timezone(timedelta(hours=-4)))

    assert decision_id("ab", [("a", 1)], elsewhere) == decision_id("ab", [("a", 1)], INSTANT)


def test_the_name_carries_the_day_in_utc() -> None:
    name = decision_id("ab", [("a", 1)], datetime(2017, 7, 11, 23, tzinfo=timezone(timedelta(hours=-4))))

    assert PATTERN.fullmatch(name)
    assert day_of(name) == "20170712"


def test_an_empty_text_names_nothing() -> None:
    with pytest.raises(ValueError, match="customer: a key is not empty"):
        decision_id("ab", [("customer", "")], INSTANT)


@pytest.mark.parametrize(("year", "day"), [(1, "00010101"), (999, "09990101"), (9999, "99990101")])
def test_the_day_has_four_digits_for_its_year(year: int, day: str) -> None:
    assert day_of(decision_id("ab", [("a", 1)], datetime(year, 1, 1, tzinfo=UTC))) == day


@pytest.mark.parametrize("key", [None, 1.5, b"x"])
def test_a_key_without_an_exact_encoding_is_refused(key: object) -> None:
    with pytest.raises(ValueError, match="a key is an integer, a string or a boolean"):
        decision_id("ab", [("a", key)], INSTANT)  # type: ignore[list-item]
