"""Rules about sources that only whoever holds their rows can judge: keys of static sources are unique."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assembly_line.declarations.quality import Unique
from assembly_line.declarations.sources import Source
from assembly_line.features.model.findings import Finding, not_judged
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import workload_of
from assembly_line.features.spine.assembly import Reader
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.plain_values import plain_values, shown

# More rows of a source of facts than this are not gathered on one machine for a check.
MOST_ROWS = 5_000_000
SHOWN = 3


def source_rules(plan: Plan, reader: Reader) -> list[Finding]:
    """Judge the declared keys, and by default those of each static source that features are read of."""
    return [judged_rule(plan, rule, reader) for rule in rules_of_sources(plan)]


def rules_of_sources(plan: Plan) -> list[Unique]:
    """The rules that need the rows of a source.

    The spine is not among the default ones: it may hold a decision twice, which is counted as such.
    """
    used = workload_of(plan.line, plan.features)
    declared = [rule for rule in plan.line.quality if isinstance(rule, Unique)]
    named = {rule.source.name for rule in declared}
    defaults = [
        Unique(source=group.source, columns=group.keys, severity="warning")
        for group in used.static
        if group.source.name not in named
    ]
    # A view is in no plan's inputs; where no feature reads it, its own inputs may be there in part.
    return [rule for rule in (*declared, *defaults) if rule.source.name in {*plan.inputs, *used.sources}]


def columns_to_fetch(plan: Plan, name: str) -> set[str]:
    """The columns of a loaded source that building and judging by its rules read."""
    rules = [rule for rule in rules_of_sources(plan) if rule.source.name == name]
    return {*plan.inputs[name].columns, *(column for rule in rules for column in rule.keys)}


def subject(rule: Unique) -> str:
    return f"unique keys of {rule.source.name}"


def expectation(rule: Unique) -> str:
    return f"one row for each {', '.join(rule.keys)}"


def judged_rule(plan: Plan, rule: Unique, reader: Reader) -> Finding:
    """One rule applied to the rows that a plan names."""
    name, expected = subject(rule), expectation(rule)
    rows = sum(item.rows for source in rule.source.loaded for item in plan.inputs[source.name].objects)
    if rows > MOST_ROWS:
        return not_judged(
            name,
            f"not looked at: {rows} rows, more than {MOST_ROWS}",
            expected=expected,
            advice="features of it are refused anyway where two rows of an entity disagree",
        )
    columns = reader.table(rule.source, rule.keys)
    rows = len(columns[rule.keys[0]])
    repeated = repeated_rows(columns)
    return Finding(
        rule=name,
        passed=not len(repeated),
        severity=rule.severity,
        value=_said(rule.source, columns, repeated) if len(repeated) else f"{rows} rows, no key twice",
        expected=expected,
        advice=_advice(plan, rule.source),
    )


def _advice(plan: Plan, source: Source) -> str:
    if source.sql is not None:
        return f"let the SELECT of {source.name} give one row for each"
    return f"load {source.name} with one row for each, see `line sources load {plan.line.name}`"


def repeated_rows(columns: Mapping[str, Column]) -> Integers:
    """Positions of rows whose values, none null, stand in an earlier row as well."""
    whole = np.flatnonzero(np.logical_and.reduce([column.valid for column in columns.values()]))
    if not len(whole):
        return whole
    ranks = np.stack([column.take(whole).ranks() for column in columns.values()])
    order = np.lexsort(ranks[::-1])
    same = (ranks[:, order[1:]] == ranks[:, order[:-1]]).all(axis=0)
    return np.sort(whole[order[1:][same]])


def _said(source: Source, columns: Mapping[str, Column], repeated: Integers) -> str:
    said = f"{len(repeated)} rows repeat the keys of another"
    if set(columns) & set(source.personal):
        return said
    first = {name: column.take(repeated[:SHOWN]) for name, column in columns.items()}
    rows = zip(*([shown(v, column.kind) for v in plain_values(column)] for column in first.values()), strict=True)
    such = ["/".join(map(str, row)) for row in rows]
    return f"{said}, such as {'/'.join(columns)} {', '.join(such)}"
