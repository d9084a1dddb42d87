"""Features become the same numbers in training and in scoring, exactly, and what was unseen stays missing."""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assembly_line import Entity, Source, count, days, latest, maximum, static
from assembly_line.declarations.features import Feature
from assembly_line.encoding import Column, Encoding, rule_number
from assembly_line.errors import RequestRefused

SHOP = Entity("shop", keys={"shop_id": "int64"})
FACTS = Source(
    name="facts",
    entities=(SHOP,),
    columns={"shop_id": "int64", "colour": "string", "open": "boolean", "since": "date", "price": "decimal(9,2)"},
    static=True,
    zone="UTC",
)
EVENTS = Source(
    name="events",
    entities=(SHOP,),
    columns={"shop_id": "int64", "at": "timestamp", "note": "string"},
    event_time="at",
    delay=timedelta(0),
    zone="UTC",
)
FEATURES: dict[str, Feature] = {
    "visits": count(EVENTS, window=days(7)),
    "colour": static(FACTS, "colour"),
    "open": static(FACTS, "open"),
    "since": static(FACTS, "since"),
    "price": static(FACTS, "price"),
    "last_note": latest(EVENTS, "note"),
    "first_word": maximum(EVENTS, "note", window=days(7)),
}
TABLE: dict[str, list[Any]] = {
    "visits": [3, 0],
    "colour": ["red", "blue"],
    "open": [True, False],
    "since": [date(1970, 1, 11), None],
    "price": [Decimal("0.10"), Decimal("1E+2")],
    "last_note": [None, None],
    "first_word": ["b", "a"],
}


def test_every_kind_of_value_becomes_a_number() -> None:
    encoding = Encoding.fit(FEATURES, TABLE)

    assert list(encoding.rows(TABLE, first=["1", "0"])) == ["1,3,1,1,10,0.1,,1", "0,0,0,0,,100.0,,0"]


def test_a_category_that_training_did_not_hold_is_missing_and_moves_no_other() -> None:
    encoding = Encoding.fit(FEATURES, TABLE)
    later = {**TABLE, "colour": ["green", "red"]}

    assert [row.split(",")[2] for row in encoding.rows(later, first=["x", "y"])] == ["", "1"]


def test_survives_json_with_its_digest_and_is_another_if_a_category_is() -> None:
    encoding = Encoding.fit(FEATURES, TABLE)

    assert Encoding.from_json(encoding.to_json()) == encoding
    assert Encoding.from_json(encoding.to_json()).digest == encoding.digest
    assert Encoding.fit(FEATURES, {**TABLE, "colour": ["red", "green"]}).digest != encoding.digest


def test_refuses_a_document_of_another_version() -> None:
    with pytest.raises(RequestRefused, match="version 2; expected assembly-line/encoding version 1"):
        Encoding.from_json({**Encoding.fit(FEATURES, TABLE).to_json(), "version": 2})


@given(values=st.lists(st.one_of(st.floats(width=64), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=20))
def test_a_number_reads_back_exactly_and_the_infinite_stays_in_order(values: list[float]) -> None:
    encoding = Encoding((Column("x", "number"),))

    fields = [row.split(",")[1] for row in encoding.rows({"x": values}, first=[""] * len(values))]

    for value, field in zip(values, fields, strict=True):
        if math.isnan(value):
            assert field == ""
        elif abs(value) > 3.4028234663852886e38:
            assert float(field) == math.copysign(3.4028234663852886e38, value)
        else:
            assert float(field) == float(value)


def test_an_instant_is_days_whether_read_as_microseconds_or_as_a_datetime() -> None:
    encoding = Encoding((Column("at", "time"),))
    values = [86_400_000_000 * 3 // 2, datetime(1970, 1, 2, 12, tzinfo=UTC)]

    assert list(encoding.rows({"at": values}, first=["a", "b"])) == ["a,1.5", "b,1.5"]


def test_a_missing_feature_and_a_value_of_another_kind_are_named() -> None:
    encoding = Encoding((Column("x", "number"),))

    with pytest.raises(ValueError, match="feature x: absent, expected 1 rows"):
        encoding.csv({}, first=["1"])
    with pytest.raises(ValueError, match="feature x: 2 rows, expected 1"):
        encoding.csv({"x": [1, 2]}, first=["1"])
    with pytest.raises(ValueError, match="feature x: a value is not a number"):
        encoding.csv({"x": [[]]}, first=["1"])


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3),
        (2**63 - 1, 2**63 - 1),
        (2.5, 2.5),
        (Decimal("-1.25"), -1.25),
        (True, 1),
        (date(1970, 1, 3), 2),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1_000_000),
        (math.inf, sys.float_info.max),
        (-math.inf, -sys.float_info.max),
        (math.nan, None),
        (None, None),
        ("red", None),
        ("12", None),
    ],
)
def test_the_one_feature_rule_ranks_by_numbers_that_json_has(value: object, number: float | None) -> None:
    found = rule_number(value)

    assert found == number
    assert json.loads(json.dumps(found, allow_nan=False)) == number
