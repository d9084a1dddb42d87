"""Declared rules about a feature's values: nulls, ranges, allowed values. Each names the rows that break it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import numpy as np

from assembly_line.declarations.checks import NUMERIC
from assembly_line.declarations.quality import AllowLeak, Between, Fresh, Nulls, OneOf, Predictive, Unique, Volume
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.model.findings import Finding, examples_of
from assembly_line.features.model.plans import Plan
from assembly_line.features.values.columns import Column, Flags
from assembly_line.features.values.plain_values import plain_values, shown
from assembly_line.features.wording.personal_data import personal_features

# By the rules of the gate, of the sources and of the audit.
JUDGED_ELSEWHERE = (Fresh, Unique, Volume, Predictive, AllowLeak)


def value_rules(plan: Plan, columns: Mapping[str, Column]) -> list[Finding]:
    """The line's rules about values of features that this dataset has."""
    personal = personal_features(plan.line, plan.features)
    found = []
    for rule in plan.line.quality:
        if isinstance(rule, JUDGED_ELSEWHERE):
            continue
        if rule.feature in plan.features and rule.feature in columns:
            found.append(_judged(rule, columns, personal=rule.feature in personal))
    return found


def is_number(column: Column) -> bool:
    return column.kind.startswith(NUMERIC)


def _judged(rule: Nulls | Between | OneOf, columns: Mapping[str, Column], *, personal: bool) -> Finding:
    if isinstance(rule, Nulls):
        return _nulls(rule, columns)
    if isinstance(rule, Between):
        return _between(rule, columns, personal=personal)
    if isinstance(rule, OneOf):
        return _one_of(rule, columns, personal=personal)
    assert_never(rule)


def _nulls(rule: Nulls, columns: Mapping[str, Column]) -> Finding:
    column = columns[rule.feature]
    places = np.flatnonzero(~column.valid)
    share = len(places) / len(column) if len(column) else 0.0
    passed = share <= rule.at_most
    return Finding(
        rule=f"nulls of {rule.feature}",
        passed=passed,
        severity=rule.severity,
        value=f"{len(places)} of {len(column)} values are null ({share:.1%})",
        expected=f"at most {rule.at_most:.1%}",
        advice="check that the feature's source is loaded and complete for these decisions",
        examples=() if passed else examples_of(columns, rule.feature, places, personal=True),
    )


def _between(rule: Between, columns: Mapping[str, Column], *, personal: bool) -> Finding:
    column = columns[rule.feature]
    bounds = " and ".join(
        f"{word} {side:g}" for word, side in (("at least", rule.low), ("at most", rule.high)) if side is not None
    )
    if not is_number(column):
        return Finding(
            rule=f"range of {rule.feature}",
            passed=False,
            severity=rule.severity,
            value=f"{rule.feature} is {column.kind}",
            expected=f"a number {bounds}",
            advice="declare between(...) of a feature that is a number",
        )
    outside = column.valid & ~_within(rule, column)
    return Finding(
        rule=f"range of {rule.feature}",
        passed=not outside.any(),
        severity=rule.severity,
        value=f"{int(outside.sum())} of {len(column)} values outside" if outside.any() else "every value inside",
        expected=bounds,
        advice="correct these rows in the source, or declare the range that is right",
        examples=examples_of(columns, rule.feature, np.flatnonzero(outside), personal=personal),
    )


def _within(rule: Between, column: Column) -> Flags:
    values = as_float(column)
    inside = ~np.isnan(values)
    if rule.low is not None:
        inside &= values >= rule.low
    if rule.high is not None:
        inside &= values <= rule.high
    return np.asarray(inside, np.bool_)


def _one_of(rule: OneOf, columns: Mapping[str, Column], *, personal: bool) -> Finding:
    column = columns[rule.feature]
    allowed = {_comparable(value) for value in rule.values}
    values = [_comparable(shown(value, column.kind)) for value in plain_values(column)]
    strange = [
        place for place, (value, valid) in enumerate(zip(values, column.valid, strict=True)) if valid
        and value not in allowed
    ]  # fmt: skip
    different = len({values[place] for place in strange})
    return Finding(
        rule=f"values of {rule.feature}",
        passed=not strange,
        severity=rule.severity,
        value=f"{len(strange)} rows hold {different} other values" if strange else "every value is declared",
        expected=f"one of {', '.join(map(repr, rule.values[:10]))}{', ...' if len(rule.values) > 10 else ''}",
        advice="correct these rows in the source, or declare the values that are right",
        examples=examples_of(columns, rule.feature, np.array(strange, np.int64), personal=personal),
    )


def _comparable(value: object) -> tuple[str, object]:
    """True is not 1, but 1 is 1.0."""
    if isinstance(value, bool):
        return ("boolean", value)
    return ("number", float(value)) if isinstance(value, int | float) else ("text", value)
