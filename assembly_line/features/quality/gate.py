"""The quality gate: what a dataset must keep to before anything downstream may see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assembly_line.canonical import digest
from assembly_line.declarations.codec import line_to_json
from assembly_line.declarations.lines import Line
from assembly_line.errors import QualityGateFailed
from assembly_line.features.model.findings import Finding, broken, in_text
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.audit_of_outcome import audit_outcome
from assembly_line.features.quality.freshness_rules import freshness, silences
from assembly_line.features.quality.gate_rules import (
    GateLimits,
    all_null,
    key_nulls,
    outcome_rule,
    row_count,
    unique_ids,
    volume,
    whole_columns,
)
from assembly_line.features.quality.history_rules import History, history_rules
from assembly_line.features.quality.leak_findings import knowledge_was_audited, not_run
from assembly_line.features.quality.schema_rules import schema_rules
from assembly_line.features.quality.value_rules import value_rules
from assembly_line.features.sources.attempts import Built
from assembly_line.features.values.columns import Column

# Of the rules that hold where a line declares none. Raise it when one of them changes: what exists is judged anew then.
RULES_VERSION = 2
# So many broken rules are told in full; the others stand in quality.json.
TOLD = 8


def rules_of(line: Line) -> str:
    """A digest of the rules that a line's datasets are judged by; they are no part of a dataset's id."""
    return digest({"version": RULES_VERSION, "quality": line_to_json(line)["line"]["quality"]})


def examine(
    plan: Plan,
    built: Built,
    columns: Mapping[str, Column],
    *,
    limits: GateLimits | None = None,
    history: History = (),
) -> list[Finding]:
    """Apply every rule: the defaults, and those that the line declares in their place or beside them.

    Args:
        columns: the dataset as it was written and read back.
        history: figures of earlier datasets of this kind, the latest first.
    """
    allowed = limits or GateLimits()
    findings = [
        row_count(built, columns),
        whole_columns(plan, columns),
        key_nulls(plan, columns),
        unique_ids(built, columns),
        all_null(plan, columns, allowed),
    ]
    findings += freshness(plan, built, columns, allowed)
    findings += silences(plan, built, allowed)
    findings += schema_rules(plan)
    findings += built.findings
    if plan.with_outcome:
        findings += [volume(plan, columns), outcome_rule(plan.line.outcome)(plan, columns)]
        findings += audit_outcome(plan, columns)
        if not knowledge_was_audited(built.findings):
            findings.append(not_run(f"not run: built by {built.engine}, where the rows of the sources are not at hand"))
    findings += value_rules(plan, columns)
    findings += history_rules(plan, columns, history)
    return findings


def require_passed(dataset_id: str, findings: Sequence[Finding]) -> None:
    """Let a dataset through.

    Raises:
        QualityGateFailed: names each broken rule with value, expectation, what to do, and a few of its rows.
    """
    stopping = broken(findings)
    if stopping:
        reasons = "; ".join(in_text(finding) for finding in stopping[:TOLD])
        more = len(stopping) - TOLD
        rest = f"; and {more} more rules, see `line dataset quality {dataset_id}`" if more > 0 else ""
        raise QualityGateFailed(f"dataset {dataset_id}: {reasons}{rest}")
