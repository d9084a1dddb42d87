"""Quality rules are checked when a line is declared, and travel with its release."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from assembly_line import allow_leak, between, days, fresh, nulls, one_of, predictive, unique, volume
from assembly_line.declarations.codec import line_from_json, line_to_json
from assembly_line.errors import DeclarationError
from tests.unit.features.small_world import DAILY, EVENTS, PEOPLE, VISITS, a_line

ALL = (
    fresh(DAILY, within=days(3)),
    nulls("age", at_most=0.2),
    between("age", 0, 120),
    between("weight", low=0.5),
    one_of("kind", ["x", "y"], severity="warning"),
    unique(PEOPLE),
    unique(VISITS, "visit", "kind"),
    volume(at_least=100, change_at_most=None),
    predictive(at_most=0.9),
    allow_leak("town", reason="it is stated before anybody is invited"),
)


def test_every_rule_survives_the_release_of_its_line() -> None:
    line = replace(a_line(), quality=ALL)

    assert line_from_json(json.loads(json.dumps(line_to_json(line)))) == line


def test_a_release_of_before_there_were_rules_has_none() -> None:
    document = line_to_json(a_line())
    del document["line"]["quality"]

    assert line_from_json(document).quality == ()


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (lambda: fresh(PEOPLE, within=days(3)), "the source is static"),
        (lambda: fresh(DAILY, within=days(0)), "is not positive"),
        (lambda: nulls("age", at_most=1.2), r"at_most 1\.2 is outside"),
        (lambda: between("age"), "give low, high, or both"),
        (lambda: between("age", 3, 2), "low 3 is above high 2"),
        (lambda: between("age", float("nan")), "is not a number"),
        (lambda: one_of("kind", []), "values is empty"),
        (lambda: unique(EVENTS), "has events"),
        (lambda: unique(PEOPLE, "shoe"), "has no column 'shoe'"),
        (lambda: volume(at_least=-1), "is negative"),
        (lambda: volume(change_at_most=0), "is not positive"),
        (lambda: predictive(at_most=0.4), "outside"),
        (lambda: allow_leak("age", reason="fine"), "says too little"),
        (lambda: nulls("age", at_most=0, severity="fatal"), "severity is 'fatal'; expected one of"),  # type: ignore[arg-type]
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(rule: Callable[[], Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        rule()


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([nulls("shoe_size", at_most=0)], "'shoe_size', which is not a feature"),
        ([fresh(replace(EVENTS, name="others"), within=days(1))], "source others, which the line does not read"),
        ([nulls("age", at_most=0), nulls("age", at_most=1)], "two quality rules are about Nulls age"),
        ([volume(), volume(at_least=5)], "two quality rules are about Volume"),
        (["fresh"], "expected a quality rule, such as nulls"),
    ],
)
def test_rules_that_do_not_fit_the_line_are_refused(rules: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        replace(a_line(), quality=tuple(rules))
