"""A dataset that exists already, asked for under other quality rules than it was judged by.

The rules are no part of a dataset's id, so the rows are what they would be. What the gate reads of rows and plan it
judges anew; what only the build could see is taken from the manifest, as the rules now weigh it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from assembly_line.declarations.quality import Unique
from assembly_line.features.model.findings import Finding, finding_from_json
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.gate import rules_of
from assembly_line.features.quality.leak_findings import is_of_the_build, reasons
from assembly_line.features.sources.attempts import Built, activities_from_json
from assembly_line.features.sources.source_rules import expectation, rules_of_sources, subject


def same_rules(plan: Plan, manifest: Mapping[str, Any]) -> bool:
    """Whether the dataset was judged by the rules of the plan's release. Manifests before version names kept none."""
    if "rules" not in manifest:
        return bool(manifest["release"] == plan.release)
    return bool(manifest["rules"] == rules_of(plan.line))


def kept_findings(plan: Plan, manifest: Mapping[str, Any]) -> tuple[list[Finding], list[Unique]]:
    """What the build found, weighed by the plan's rules, and the rules of sources that it did not apply."""
    stored = [finding_from_json(one) for one in manifest["quality"]]
    allowed = reasons(plan.line)
    kept = [replace(one, allowed=allowed.get(one.feature or "")) for one in stored if is_of_the_build(one)]
    known = {(one.rule, one.expected): one for one in stored}
    missing = []
    for rule in rules_of_sources(plan):
        found = known.get((subject(rule), expectation(rule)))
        if found is None:
            missing.append(rule)
        else:
            kept.append(replace(found, severity=rule.severity) if found.judged else found)
    return kept, missing


def built_again(manifest: Mapping[str, Any], findings: Sequence[Finding]) -> Built:
    """What the engine reported of the dataset, with these findings in place of its own."""
    return Built(
        engine=manifest["engine"]["name"],
        versions=manifest["engine"]["versions"],
        rows=manifest["rows"],
        spine_rows=manifest["spine_rows"],
        excluded=manifest["excluded"],
        duplicates=manifest["duplicates"],
        findings=tuple(findings),
        sampling=manifest.get("sampling"),
        activity=activities_from_json(manifest),
    )
