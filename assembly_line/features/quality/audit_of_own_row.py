"""Features that read the outcome which the decision's own row states, before it is known."""

from __future__ import annotations

from collections.abc import Sequence

from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import Outcome
from assembly_line.declarations.sources import Source
from assembly_line.features.model.workload import StaticGroup, TimedGroup, columns_of, workload_of
from assembly_line.features.quality.leak_findings import Leak
from assembly_line.features.values.hidden_outcomes import telling


def own_row_leaks(line: Line, features: Sequence[str]) -> list[Leak]:
    """Features over columns that tell the outcome, of rows that count as known before it is; and timeless copies.

    The columns of another source with times of its own are none of them: point in time cuts them by these.
    """
    workload = workload_of(line, features)
    groups: list[StaticGroup | TimedGroup] = [*workload.static, *workload.timed]
    found = []
    for group in groups:
        told = _told_by(line, group.source)
        for name, feature in group.features.items():
            read = (feature.column,) if isinstance(feature, StaticFeature) else columns_of(feature)
            of = [column for column in read if column in told]
            if of:
                found.append(_leak(line.outcome, group.source, name, of))
    return found


def _told_by(line: Line, source: Source) -> frozenset[str]:
    """Columns of a source that state the outcome before it is known."""
    outcome = line.outcome
    if source == outcome.source:
        return frozenset() if _known_as_late(outcome, source) else frozenset(telling(line))
    if not source.static:
        return frozenset()
    keys = set(line.decision.keys)
    if outcome.source in source.inputs:
        return frozenset(source.columns) - keys
    copied = keys <= set(source.columns)
    said = {_folded(column) for column in telling(line)} if copied else set()
    return frozenset(column for column in source.columns if _folded(column) in {*said, _folded(outcome.name)} - keys)


def _known_as_late(outcome: Outcome, source: Source) -> bool:
    """Whether a row of the source counts as known no sooner than the outcome that it states."""
    if source.known_time is not None:
        return source.known_time == outcome.known and not outcome.delay
    return source.event_time == outcome.known and source.delay is not None and source.delay >= outcome.delay


def _leak(outcome: Outcome, source: Source, feature: str, columns: Sequence[str]) -> Leak:
    known = "carry no time" if source.static else f"count as known at {source.known_time or source.event_time}"
    after = f" + {outcome.delay}" if outcome.delay else ""
    return Leak(
        feature=feature,
        said="is the outcome",
        value=f"it reads {', '.join(columns)} of {source.name}, whose rows {known}",
        expected=f"values that count as known no sooner than {outcome.name}: at {outcome.known}{after}",
        advice=f"read them from a source whose event_time or known_time is {outcome.known}",
    )


def _folded(name: str) -> str:
    return name.lower().replace("-", "_")
