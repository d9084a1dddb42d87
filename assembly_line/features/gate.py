"""The quality gate: what a dataset must keep to before anything downstream may see it."""

from __future__ import annotations

from collections.abc import Mapping

from assembly_line.errors import QualityGateFailed
from assembly_line.features.attempts import Built
from assembly_line.features.columns import Column
from assembly_line.features.gate_rules import (
    Finding,
    GateLimits,
    all_null,
    both_classes,
    freshness,
    key_nulls,
    row_count,
    unique_ids,
    volume,
    whole_columns,
)
from assembly_line.features.plans import Plan


def examine(
    plan: Plan, built: Built, columns: Mapping[str, Column], *, limits: GateLimits | None = None
) -> list[Finding]:
    """Apply every rule.

    Args:
        columns: the dataset as it was written and read back.
    """
    allowed = limits or GateLimits()
    findings = [
        row_count(built, columns),
        whole_columns(plan, columns),
        key_nulls(plan, columns),
        unique_ids(built, columns),
        all_null(plan, columns, allowed),
    ]
    findings += freshness(plan, columns, allowed)
    if plan.with_outcome:
        findings += [volume(columns), both_classes(plan, columns)]
    return findings


def require_passed(dataset_id: str, findings: list[Finding]) -> None:
    """Let a dataset through.

    Raises:
        QualityGateFailed: names each broken rule with value, expectation and what to do.
    """
    broken = [finding for finding in findings if not finding.passed and finding.severity == "error"]
    if broken:
        reasons = "; ".join(
            f"{finding.rule}: {finding.value}, expected {finding.expected}: {finding.advice}" for finding in broken
        )
        raise QualityGateFailed(f"dataset {dataset_id}: {reasons}")
