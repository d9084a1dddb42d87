"""The rules of the quality gate, one function each: what was found, what was expected, what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from assembly_line.declarations.outcomes import Outcome
from assembly_line.declarations.quality import Volume
from assembly_line.features.model.findings import EXAMPLES, Finding, examples_of
from assembly_line.features.model.plans import Plan
from assembly_line.features.sources.attempts import Built
from assembly_line.features.sources.source_rules import repeated_rows
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.values.ordering import different_values


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """The declared defaults.

    Args:
        newest_event_age: how long before the latest decision the newest event of a timed source may lie, and how long
            it may be silent.
        all_null_rows: from so many rows on, a feature that is null everywhere is an error; below, a warning.
    """

    newest_event_age: timedelta = timedelta(days=45)
    all_null_rows: int = 100


def row_count(built: Built, columns: Mapping[str, Column]) -> Finding:
    rows = len(columns[DECISION_TIME])
    expected = built.spine_rows - sum(built.excluded.values())
    return Finding(
        rule="row_count",
        passed=rows == expected == built.rows,
        severity="error",
        value=f"{rows} rows",
        expected=f"{expected} rows: {built.spine_rows} of the spine less {sum(built.excluded.values())} excluded",
        advice="the build lost or doubled decisions; run it again and report it",
    )


def whole_columns(plan: Plan, columns: Mapping[str, Column]) -> Finding:
    expected = [DECISION_ID, DECISION_TIME, *plan.line.decision.keys, *plan.features, *plan.outcome_columns]
    passed = list(columns) == expected
    return Finding(
        rule="columns",
        passed=passed,
        severity="error",
        value=f"{len(columns)} columns" if passed else f"{len(columns)} columns, {_differing(list(columns), expected)}",
        expected=f"the {len(expected)} columns of the plan, in its order",
        advice="the build wrote another dataset than was planned; run it again and report it",
    )


def _differing(found: Sequence[str], expected: Sequence[str]) -> str:
    missing, others = [name for name in expected if name not in found], [name for name in found if name not in expected]
    if not missing and not others:
        return f"in the order {', '.join(found)}"
    said = (f"{', '.join(missing)} missing" if missing else "", f"{', '.join(others)} not planned" if others else "")
    return "; ".join(filter(None, said))


def key_nulls(plan: Plan, columns: Mapping[str, Column]) -> Finding:
    nameless = {name: _nameless(columns[name]) for name in plan.line.decision.keys}
    found = {name: places for name, places in nameless.items() if len(places)}
    return Finding(
        rule="key_nulls",
        passed=not found,
        severity="error",
        value=", ".join(f"{len(places)} in {name}" for name, places in found.items()) or "none",
        expected="no null and no empty text in any key column",
        advice=f"a decision needs all its keys: correct source {plan.line.decision.source.name} and load it again",
        examples=tuple(
            example for name, places in found.items() for example in examples_of(columns, name, places, personal=True)
        )[:EXAMPLES],
    )


def _nameless(keys: Column) -> Integers:
    """Where a key names nothing: null, or an empty text, which a view can give."""
    empty = keys.values == "" if keys.kind == "string" else np.zeros(len(keys), np.bool_)
    return np.flatnonzero(~keys.valid | empty)


def unique_ids(built: Built, columns: Mapping[str, Column]) -> Finding:
    ids = columns[DECISION_ID]
    named = ids.values[ids.valid].tolist()
    different = _different(named)
    passed = not ids.valid.all() or different == len(named) - built.duplicates
    return Finding(
        rule="decision_id_unique",
        passed=passed,
        severity="error",
        value=f"{different} ids for {len(named)} decisions, {built.duplicates} of them repeated in the spine",
        expected="one id for each different decision",
        advice="two decisions share an id; report it",
        examples=() if passed else examples_of(columns, DECISION_ID, repeated_rows({DECISION_ID: ids}), personal=True),
    )


def _different(texts: Sequence[str]) -> int:
    """How many different texts there are. If all differ, it is found without a set of them, which is much larger."""
    if len(different_values(np.fromiter(map(hash, texts), np.int64, len(texts)))) == len(texts):
        return len(texts)
    return len(set(texts))


def all_null(plan: Plan, columns: Mapping[str, Column], limits: GateLimits) -> Finding:
    rows = len(columns[DECISION_TIME])
    empty = [name for name in plan.features if rows and not columns[name].valid.any()]
    return Finding(
        rule="feature_all_null",
        passed=not empty,
        severity="error" if rows >= limits.all_null_rows else "warning",
        value=f"null everywhere: {', '.join(empty)}" if empty else "every feature has values",
        expected=f"a value somewhere in {rows} rows",
        advice="check that the feature's source is loaded and its keys are those of the decisions",
    )


def volume(plan: Plan, columns: Mapping[str, Column]) -> Finding:
    rows = len(columns[DECISION_TIME])
    declared = next((rule for rule in plan.line.quality if isinstance(rule, Volume)), Volume())
    least = "one decision" if declared.at_least == 1 else f"{declared.at_least} decisions"
    return Finding(
        rule="volume",
        passed=rows >= declared.at_least,
        severity=declared.severity,
        value=f"{rows} rows",
        expected=f"at least {least}{' with a mature outcome' if plan.with_outcome else ''}",
        advice="choose a later as_of or an earlier from",
    )


def outcome_rule(outcome: Outcome) -> Callable[[Plan, Mapping[str, Column]], Finding]:
    """The rule about the values of an outcome: of named classes, of presence and absence, or of a number."""
    if outcome.classes:
        return named_classes
    return both_classes if outcome.has_classes else outcome_varies


def named_classes(plan: Plan, columns: Mapping[str, Column]) -> Finding:
    outcome = plan.line.outcome
    values = columns[outcome.name]
    counts = Counter(values.values[values.valid].tolist())
    others = [value for value in counts if value not in outcome.classes]
    known = ", ".join(f"{counts[name]} with {name}" for name in outcome.classes)
    return Finding(
        rule="outcome_classes",
        passed=not others and len(counts) > 1,
        severity="error",
        value=f"{known}, {sum(counts[value] for value in others)} with a value that is none of the declared classes",
        expected="two classes or more, none with another value",
        advice=f"declare the other values as classes of {outcome.name}, or check source {outcome.source.name}",
    )


def both_classes(plan: Plan, columns: Mapping[str, Column]) -> Finding:
    outcome = plan.line.outcome
    values = columns[outcome.name]
    present = int((values.values[values.valid] == outcome.present).sum())
    absent = int((values.values[values.valid] == outcome.absence).sum())
    return Finding(
        rule="outcome_classes",
        passed=present > 0 and absent > 0 and present + absent == len(values),
        severity="error",
        value=f"{present} decisions with {outcome.name} = {outcome.present}, {absent} with {outcome.absence}, "
        f"{len(values) - present - absent} with neither",
        expected="some of both, none with neither",
        advice=f"choose a later as_of, or check source {outcome.source.name}",
    )


def outcome_varies(plan: Plan, columns: Mapping[str, Column]) -> Finding:
    """For an outcome that is a number: of one value nothing can be learnt."""
    outcome = plan.line.outcome
    values = columns[outcome.name].values
    # numpy finds different values many times faster where it is to count them, too.
    different = len(np.unique(values, return_counts=True)[0])
    return Finding(
        rule="outcome_varies",
        passed=different != 1,
        severity="warning",
        value=f"{different} different values of {outcome.name} in {len(values)} decisions",
        expected="two or more",
        advice=f"check source {outcome.source.name}, or choose another horizon",
    )
