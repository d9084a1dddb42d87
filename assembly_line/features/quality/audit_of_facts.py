"""Facts without a time: they cannot be cut by what was known, so they are held against what the source stated before.

A fact that changed between two loads has a time after all, which nothing here can tell: it may have come after the
decision. Whether it did is not known, so that this is a warning, about the decisions that the audit looks at anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from assembly_line.declarations.sources import Source
from assembly_line.errors import QualityGateFailed, SourceUnreadable
from assembly_line.features.model.findings import Example, Finding, not_judged
from assembly_line.features.model.plans import Input, Plan
from assembly_line.features.model.workload import StaticGroup, workload_of
from assembly_line.features.quality.leak_findings import CHANGES, TIMELESS_FACTS, Leak, leak_findings
from assembly_line.features.spine.assembly import Reader, static_features
from assembly_line.features.values.columns import Column
from assembly_line.features.values.comparison import Comparison, compare
from assembly_line.features.values.dataset_columns import DECISION_ID
from assembly_line.features.wording.personal_data import personal_features

# An earlier snapshot of more rows is not read.
MOST_ROWS = 5_000_000
EXPECTED = "the same facts in the snapshot before"
Groups = dict[str, list[StaticGroup]]


def comparable(plan: Plan) -> dict[str, Input]:
    """Source -> what to read of its earlier snapshot, of the static sources whose facts can be held against it."""
    return {
        name: replace(plan.inputs[name], objects=earlier.objects)
        for name, groups in _groups(plan).items()
        if _obstacle(plan, groups) is None and (earlier := plan.inputs[name].earlier) is not None
    }


def audit_facts(
    plan: Plan, decisions: Mapping[str, Column], earlier: Reader, *, gone: Collection[str] = ()
) -> list[Finding]:
    """Hold the facts of decisions against the snapshots before.

    Args:
        decisions: ids, keys and features of some of the dataset's decisions.
        earlier: reads the inputs that `comparable` names.
        gone: those of them that were deleted meanwhile.
    """
    findings: list[Finding] = []
    for name, groups in _groups(plan).items():
        obstacle = "the earlier snapshot was deleted" if name in gone else _obstacle(plan, groups)
        findings += (
            _of_source(plan, groups, decisions, earlier) if obstacle is None else [_not_comparable(name, obstacle)]
        )
    return findings


def _groups(plan: Plan) -> Groups:
    """Static source -> what features read of it. What a view makes of facts is not followed."""
    found: Groups = {}
    for group in workload_of(plan.line, plan.features).static:
        if group.source.sql is None:
            found.setdefault(group.source.name, []).append(group)
    return found


def _obstacle(plan: Plan, groups: list[StaticGroup]) -> str | None:
    """Why facts of a source cannot be held against its earlier snapshot; None if they can."""
    source = groups[0].source
    earlier = plan.inputs[source.name].earlier
    if earlier is None:
        return "no earlier snapshot"
    rows = sum(item.rows for item in earlier.objects)
    if rows > MOST_ROWS:
        return f"the earlier snapshot has {rows} rows, more than {MOST_ROWS}"
    read = (column for group in groups for column in (*group.keys, *group.columns))
    other = [column for column in read if earlier.columns.get(column) != source.columns[column]]
    return f"the earlier snapshot has no such {', '.join(dict.fromkeys(other))}" if other else None


def _not_comparable(name: str, obstacle: str) -> Finding:
    return not_judged(
        f"{TIMELESS_FACTS}{name}",
        f"not comparable: {obstacle}",
        expected=EXPECTED,
        advice="they are taken as known at every decision; declare an event_time if they change",
    )


def _of_source(
    plan: Plan, groups: list[StaticGroup], decisions: Mapping[str, Column], earlier: Reader
) -> list[Finding]:
    source = groups[0].source
    before: dict[str, Column] = {}
    try:
        for group in groups:
            before |= static_features(group, decisions, earlier)
    except (SourceUnreadable, QualityGateFailed) as error:
        return [_not_comparable(source.name, f"the earlier snapshot cannot be read ({error})")]
    shown = [name for name in plan.features if name in before]
    found = compare(decisions, {DECISION_ID: decisions[DECISION_ID], **before}, shown)
    return leak_findings(
        plan.line,
        f"{TIMELESS_FACTS}{source.name}",
        [_leak(plan, source, name, found) for name in shown if name in found.columns],
        looked_at=f"{found.common} decisions x {len(shown)} facts are as in the snapshot before",
        expected=EXPECTED,
        severity="warning",
    )


def _leak(plan: Plan, source: Source, name: str, found: Comparison) -> Leak:
    changed = found.columns[name]
    hidden = name in personal_features(plan.line, plan.features)
    return Leak(
        feature=name,
        said=CHANGES,
        value=f"{changed.differing} of {found.common} values are others than in the snapshot of {source.name} before, "
        f"{changed.only_second_null} of them were not there",
        expected=EXPECTED,
        advice=f"a decision may have been made before the fact changed: declare an event_time of {source.name}",
        examples=tuple(
            Example(
                decision_id=one.decision_id,
                column=name,
                value=None if hidden else f"{one.first!r}, and {one.second!r} in the snapshot before",
            )
            for one in found.examples
            if one.column == name
        ),
    )
