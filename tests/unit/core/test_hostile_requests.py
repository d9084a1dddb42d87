"""Hostile dataset requests: a field refuses what it cannot mean, by name, in few words; odd but legal is accepted."""

from __future__ import annotations

from typing import Any

import pytest

from assembly_line.errors import RequestRefused
from assembly_line.requests import DatasetRequest

GOOD = {
    "line": "coupon_redemption",
    "purpose": "scoring",
    "as_of": "2017-07-01",
    "from": "2017-06-01",
    "to": "2017-07-01",
}
LONGEST_MESSAGE = 3000


def nested(depth: int) -> list[Any]:
    deep: list[Any] = []
    for _ in range(depth):
        deep = [deep]
    return deep


TEXTS = (
    "", " ", "a b", "../../etc/passwd", "..", "/", "a/b", "a\\b", "s3://bucket/key", "https://example.com/x",
    "file:///etc/passwd",
    "'; DROP TABLE spine; --", '" OR ""="', "1 UNION SELECT * FROM read_parquet('/etc/passwd')", "x') TO '/tmp/x' --",
    "${jndi:ldap://x}", "{{7*7}}", "{0.__class__}", "%(name)s", "%s%n", "`id`", "$(id)", "{% $states.input %}",
    "$.line",
    "$states.context", "line\nforged log", "line\r\nSet-Cookie: x", "null\x00byte", "\x1b[31mred", "é", "ﬁ",
    "a\u202etxt", "İ",
    "\ud800", "𝟘", "coupon_redemption ", "a" * 10_000, "0", "-1", "NaN", "Infinity", "true", "[]", "__class__",
    "con.parquet",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    0, 1, -1, 10**30, 1.5, float("nan"), float("inf"), True, False, b"bytes", [], {}, [[]], [None], {"a": 1},
    {"$ne": None},
    nested(50), nested(50_000), {"a": nested(5_000)}, ["x"] * 100_000, object(),
)  # fmt: skip
INSTANTS = (
    "yesterday", "2017-13-01", "2017-02-30", "2017-07-01T00:00:00", "2017-07-01T25:00:00Z",
    "2017-07-01T00:00:00+25:00",
    "9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+14:00", "0000-01-01", "-2017-07-01", "20170701",
    "1498867200",
    "2017-07-01; DROP", " 2017-07-01", "2017-07-01\n", "٢٠١٧-٠٧-٠١", "2017‑07‑01",
)  # fmt: skip
# What a field's own texts may be, so that they are no attack there.
NAMES_TOO = ("NaN", "Infinity", "true")
FIELDS: dict[str, tuple[Any, ...]] = {
    "line": (*(text for text in TEXTS if text != "true"), *VALUES, None),
    "purpose": (*TEXTS, "both", "Training", "training ", *VALUES, None),
    "as_of": (*TEXTS, *INSTANTS, *VALUES, None),
    "from": (*TEXTS, *INSTANTS, *VALUES),
    "to": (*TEXTS, *INSTANTS, *VALUES),
    "features": (*TEXTS, *VALUES, *([text] for text in TEXTS if text not in NAMES_TOO)),
    "groups": (*TEXTS, *VALUES, *([text] for text in TEXTS if text not in NAMES_TOO)),
    "engine": (*TEXTS, "pandas", "DuckDB", "presto", *VALUES, None),
    "release": (*TEXTS, "F" * 64, "f" * 63, "f" * 65, "f" * 64 + "\n", *VALUES),
    "sampling": (*TEXTS, *VALUES, {}, {"share": 2}, *({"share": text} for text in TEXTS)),
    "model": (*TEXTS, *VALUES, *({"type": text} for text in TEXTS)),
    "explain": (*TEXTS, "yes", *(value for value in VALUES if not isinstance(value, bool)), None),
}


def test_the_table_has_every_field() -> None:
    assert set(FIELDS) == {field.alias or name for name, field in DatasetRequest.model_fields.items()}


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_refuses_what_it_cannot_mean_by_its_name(field: str) -> None:
    for value in FIELDS[field]:
        with pytest.raises(RequestRefused) as refused:
            DatasetRequest.parse({**GOOD, field: value})
        said = str(refused.value)
        assert said.startswith("DatasetRequest: "), said[:200]
        assert f"{field}: " in said or f"{field}." in said, said[:200]
        assert "should" not in said, "pydantic's own words"
        # A log and a terminal show it as one short line.
        assert len(said) <= LONGEST_MESSAGE
        assert said.isprintable() or "\ud800" in said, ascii(said[:200])


@pytest.mark.parametrize(
    "name", ["until", "since", "Line", "LINE", "__proto__", "a" * 5000, "", "../x", "$where", "é\n"]
)
def test_a_field_that_there_is_not_is_refused(name: str) -> None:
    with pytest.raises(RequestRefused, match="unknown field; there are line, purpose, as_of"):
        DatasetRequest.parse({**GOOD, name: 1})


@pytest.mark.parametrize("document", [None, 7, "text", [], [GOOD], True, 1.5, b"{}", nested(50_000)])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(RequestRefused, match="expected a JSON object"):
        DatasetRequest.parse(document)


@pytest.mark.parametrize(
    "period", [("2017-07-01", "2017-06-01"), ("2017-06-01", "2017-06-01"), ("9999-12-31", "0001-01-01")]
)
def test_a_period_without_time_is_refused(period: tuple[str, str]) -> None:
    with pytest.raises(RequestRefused, match="is not before to"):
        DatasetRequest.parse({**GOOD, "from": period[0], "to": period[1]})


@pytest.mark.parametrize(
    "changes",
    [
        {"line": "drop_table_spine"},
        {"line": "null"},
        {"features": ["SELECT"]},
        {"features": ["a-b", "A_b", "x" * 63]},
        {"features": [f"f{number}" for number in range(1000)]},
        {"features": ["twice", "twice"]},
        {"groups": ["constructor", "None"]},
        {"as_of": "0001-01-01"},
        {"as_of": "9999-12-31T23:59:59.999999Z"},
        {"as_of": "2017-06-30T20:00:00-04:00"},
        {"as_of": "2016-12-31T23:59:59.000001+05:45"},
        {"features": None, "release": None, "model": None},
    ],
)
def test_odd_but_legal_is_data_and_comes_through_as_it_is(changes: dict[str, Any]) -> None:
    request = DatasetRequest.parse({**GOOD, **changes})

    assert DatasetRequest.parse(request.to_json()) == request


def test_more_features_than_there_may_be_are_refused() -> None:
    with pytest.raises(RequestRefused, match="features"):
        DatasetRequest.parse({**GOOD, "features": [f"f{number}" for number in range(1001)]})
