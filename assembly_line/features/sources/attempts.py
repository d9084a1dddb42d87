"""What an engine reports of one build, beside the data that it wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assembly_line.documents import document_of, read_document
from assembly_line.features.model.findings import Finding
from assembly_line.features.sources.activity import Activity

# A state machine's state holds 256 KiB: of the findings of a build it carries so many, the worst first.
FINDINGS_IN_STATE = 5
TEXT_IN_STATE = 200
WORST_FIRST = ("error", "warning", "allowed", "not judged", "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """One finished build.

    Args:
        versions: of what computed it.
        rows: decisions in the dataset.
        spine_rows: rows of the spine's table; those not in the dataset are in `excluded` by reason.
        duplicates: rows that repeat the decision before them.
        findings: what was judged where the sources' rows were at hand.
        sampling: what was asked, kept and dropped, and the weights that undo it; None if all decisions were kept.
        joins: source and its keys -> how its events were brought together with the decisions (see `joins`).
        activity: loaded source -> when it had events, as known at as_of; none in what was built before this was kept.
    """

    engine: str
    versions: Mapping[str, str]
    rows: int
    spine_rows: int
    excluded: Mapping[str, int]
    duplicates: int
    findings: tuple[Finding, ...] = ()
    sampling: Mapping[str, Any] | None = None
    joins: Mapping[str, str] = field(default_factory=dict)
    activity: Mapping[str, Activity] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**document_of(self), "findings": [finding.to_json() for finding in self.findings]}


def built_from_json(document: Mapping[str, Any]) -> Built:
    """Read back what `to_json` wrote, or an older version of it."""
    return read_document(Built, document)


def activities_to_json(activity: Mapping[str, Activity]) -> dict[str, Any]:
    return {name: document_of(one) for name, one in activity.items()}


def activities_from_json(document: Mapping[str, Any]) -> dict[str, Activity]:
    """Read back what `activities_to_json` wrote."""
    return {name: read_document(Activity, one) for name, one in document.items()}


def in_state(built: Built) -> dict[str, Any]:
    """What a state machine carries of a build, small however much was found; the whole of it is kept in the store."""
    worst = sorted(built.findings, key=lambda finding: WORST_FIRST.index(finding.result))
    return {
        "engine": built.engine,
        "rows": built.rows,
        "spine_rows": built.spine_rows,
        "duplicates": built.duplicates,
        "findings": {
            "judged": len(built.findings),
            "stopping": sum(finding.stops for finding in built.findings),
            "first": _told(worst[:FINDINGS_IN_STATE]),
        },
    }


def _told(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {"rule": finding.rule[:TEXT_IN_STATE], "result": finding.result, "found": finding.value[:TEXT_IN_STATE]}
        for finding in findings
    ]
