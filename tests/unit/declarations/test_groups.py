"""Groups of features: checked when declared, carried by a release, and nothing but names for features in a request."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.errors import DeclarationError, RequestRefused
from assembly_line.features.model.selection import resolved_features
from assembly_line.requests import DatasetRequest
from tests.unit.features.small_world import a_line

LINE = replace(a_line(), groups={"first": ("late_sum_n", "events_count"), "second": ("age", "events_count")})


def request(**asked: Any) -> DatasetRequest:
    return DatasetRequest.parse({"line": LINE.name, "purpose": "training", "as_of": "2018-01-01", **asked})


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"none": ()}, "group none: is empty"),
        ({"one": ("age", "missing")}, "group one: 'missing' is not a feature; there are"),
        ({"twice": ("age", "age")}, "group twice: names a feature twice"),
        ({"text": "age"}, "groups['text'] is 'age'; expected a tuple"),
        ({"a b": ("age",)}, "group name 'a b'"),
        ({"my_group": ("age",), "My-Group": ("born",)}, "differ only in case"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(groups: Any, said: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        replace(LINE, groups=groups)

    assert said in str(refused.value)


def test_groups_travel_with_the_release_and_old_releases_have_none() -> None:
    document = line_to_json(LINE)
    assert line_from_json(document) == LINE

    del document["line"]["groups"]
    assert line_from_json(document).groups == {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, tuple(LINE.features)),
        ({"groups": ["second"]}, {"events_count", "age"}),
        ({"groups": ["second", "first"]}, {"events_count", "late_sum_n", "age"}),
        ({"groups": ["second"], "features": ["late_sum_n"]}, {"events_count", "late_sum_n", "age"}),
        ({"groups": ["second", "second"], "features": ["age", "age"]}, {"events_count", "age"}),
    ],
)
def test_groups_and_features_add_up_in_declared_order(asked: dict[str, Any], expected: Any) -> None:
    assert resolved_features(LINE, request(**asked)) == tuple(name for name in LINE.features if name in expected)


def test_an_unknown_group_is_refused_with_those_there_are() -> None:
    with pytest.raises(RequestRefused, match=r"groups: line .* has no group 'third'; it has first, second"):
        resolved_features(LINE, request(groups=["third"]))
    with pytest.raises(RequestRefused, match="has no group 'first'; it has none"):
        resolved_features(replace(LINE, groups={}), request(groups=["first"]))
