"""Facts without a time that are counts of events: one that equals how often something ever happened knows the future.

A fact cannot be cut by what was known, but it can be counted after: where it equals the number of an entity's events
over all the time that the build reads, and not their number before the first decision, it counts what came after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.kernel.aggregates import as_float
from assembly_line.features.model.findings import Example, Finding
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import Keys, StaticGroup, workload_of
from assembly_line.features.quality.leak_findings import COUNTS_ON, TIMELESS_COUNTS, Leak, leak_findings
from assembly_line.features.quality.value_rules import NUMBERS
from assembly_line.features.spine.assembly import Bounds
from assembly_line.features.values.columns import Column, Flags, Floats, Integers
from assembly_line.features.values.dataset_columns import DECISION_ID, DECISION_TIME
from assembly_line.features.wording.personal_data import personal_features

# So many entities whose events go on after the first decision are needed to tell, and so many different counts.
ENOUGH_ENTITIES = 20
ENOUGH_COUNTS = 2
# Of these and of all entities so large a share agrees.
SHARE = 0.9
EXAMPLES = 3
EXPECTED = "no fact that equals the number of an entity's events, those after the decision included"


class CountingReader(Protocol):
    """How an engine counts events. See `assembly.Reader` for codes and bounds."""

    def codes(self, keys: Mapping[str, Column]) -> Integers: ...
    def counts(self, source: Source, keys: Keys, bounds: Bounds) -> Integers:
        """How many rows within the bounds each code has."""


def audit_counts(plan: Plan, decisions: Mapping[str, Column], reader: CountingReader) -> list[Finding]:
    """Hold timeless numbers against how many events the same entities have.

    Args:
        decisions: ids, times, keys and features of some of the dataset's decisions.
        reader: reads the sources as the build did.
    """
    groups = [
        (group, names) for group in workload_of(plan.line, plan.features).static if (names := _numbers(plan, group))
    ]
    if not groups or not len(decisions[DECISION_TIME]):
        return []
    leaks: dict[str, Leak] = {}
    for group, names in groups:
        for counts in _counts(plan, group, decisions, reader):
            for name in names:
                found = _leak(plan, name, decisions, counts)
                if found is not None:
                    leaks.setdefault(name, found)
    return leak_findings(
        plan.line,
        TIMELESS_COUNTS,
        list(leaks.values()),
        looked_at=f"{sum(len(names) for _, names in groups)} timeless numbers equal no count of events",
        expected=EXPECTED,
        severity="warning",
    )


@dataclass(frozen=True, slots=True)
class _Counted:
    """How many events of a source the entity of each decision has: ever, and up to the first decision of all."""

    source: Source
    entities: Integers
    ever: Integers
    before: Integers


def _numbers(plan: Plan, group: StaticGroup) -> list[str]:
    kinds = {name: group.source.columns[feature.column] for name, feature in group.features.items()}
    return [name for name, kind in kinds.items() if name in plan.features and kind.startswith(NUMBERS)]


def _counts(
    plan: Plan, group: StaticGroup, decisions: Mapping[str, Column], reader: CountingReader
) -> Iterator[_Counted]:
    """For each source of events that carries the keys of the facts, and is read anyway."""
    codes = reader.codes({name: decisions[name] for name in group.keys})
    first = int(decisions[DECISION_TIME].values.min())
    for name, part in plan.inputs.items():
        source = plan.line.sources[name]
        if source.static or not part.objects or not {*group.keys} <= part.columns.keys():
            continue
        ever, before = (reader.counts(source, group.keys, (None, bound)) for bound in (None, first))
        size = max(int(codes.max(initial=-1)) + 1, len(ever), len(before))
        ever, before = (np.pad(counts, (0, size - len(counts))) for counts in (ever, before))
        yield _Counted(source, codes, ever, before)


def _leak(plan: Plan, name: str, decisions: Mapping[str, Column], counted: _Counted) -> Leak | None:
    column = decisions[name]
    places = np.flatnonzero(column.valid & (counted.entities >= 0))
    entities, first = np.unique(counted.entities[places], return_index=True)
    values = as_float(column.take(places[first]))
    ever, before = counted.ever[entities], counted.before[entities]
    agree = _agreeing(values, ever, before)
    if agree is None:
        return None
    later = int((agree & (ever > before)).sum())
    shown = places[first][np.flatnonzero(agree & (ever > before))[:EXAMPLES]]
    hidden = name in personal_features(plan.line, plan.features)
    ids = decisions[DECISION_ID].take(shown).values.tolist()
    codes = counted.entities[shown]
    return Leak(
        feature=name,
        said=COUNTS_ON,
        value=f"of {int(agree.sum())} of {len(entities)} entities it equals how many {counted.source.name} they ever "
        f"have; {later} of these have some of them after the first decision",
        expected=EXPECTED,
        advice=f"count {counted.source.name} in a window before the decision, such as count({counted.source.name}, "
        "window=days(365))",
        examples=tuple(
            Example(
                decision_id=identifier,
                column=name,
                value=None if hidden else f"{counted.ever[code]}, {counted.before[code]} of them by the first decision",
            )
            for identifier, code in zip(ids, codes.tolist(), strict=True)
        ),
    )


def _agreeing(values: Floats, ever: Integers, before: Integers) -> Flags | None:
    """The entities whose value is their count, exactly or closer than counts that merely follow one rate would be."""
    exact = np.asarray(values == ever, np.bool_)
    # Two independent counts of one rate lie sqrt(2 x count) apart on average.
    allowed = np.maximum(1.0, np.sqrt(ever) / 2)
    close = np.asarray(np.abs(values - ever) <= allowed, np.bool_)
    later = ever - before
    for agree, telling in ((exact, later > 0), (close, later > 2 * allowed)):
        # A constant equals the commonest count alone.
        varied = len(np.unique(ever[telling & agree])) >= ENOUGH_COUNTS
        enough = int(telling.sum()) >= ENOUGH_ENTITIES and varied
        if enough and agree.mean() >= SHARE and agree[telling].mean() >= SHARE:
            return agree
    return None
