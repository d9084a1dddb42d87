"""What an engine reports of one build, beside the data that it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.features.findings import Finding, finding_from_json


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
    """

    engine: str
    versions: Mapping[str, str]
    rows: int
    spine_rows: int
    excluded: Mapping[str, int]
    duplicates: int
    findings: tuple[Finding, ...] = ()
    sampling: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "versions": dict(self.versions),
            "rows": self.rows,
            "spine_rows": self.spine_rows,
            "excluded": dict(self.excluded),
            "duplicates": self.duplicates,
            "findings": [finding.to_json() for finding in self.findings],
            "sampling": None if self.sampling is None else dict(self.sampling),
        }


def built_from_json(document: Mapping[str, Any]) -> Built:
    """Read back what `to_json` wrote, or an older version of it."""
    given = {name: document[name] for name in Built.__slots__ if name != "findings" and name in document}
    return Built(**given, findings=tuple(finding_from_json(one) for one in document.get("findings", ())))
