"""How the leakage audit speaks: one finding for each check, and one for each feature that fails it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assembly_line.declarations.lines import Line
from assembly_line.declarations.quality import AllowLeak, Severity
from assembly_line.features.model.findings import Example, Finding, not_judged

PREFIX = "leakage: "
KNOWS_THE_FUTURE = f"{PREFIX}features that know the future"
TIMELESS_FACTS = f"{PREFIX}facts without a time of "
CHANGES = "changes without a time"
PREDICTIVE_ALONE = f"{PREFIX}features predictive alone"
FAR_ABOVE = f"{PREFIX}features far above the others"
STANDS_OUT = "stands far above the other features"
TIMELESS_COUNTS = f"{PREFIX}timeless counts of events"
COUNTS_ON = "counts events after the decision"
OUTCOME_AMONG_FEATURES = f"{PREFIX}outcome among the features"


EXPECTED = "the same values from what was known at the decision alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One feature that failed a check; `said` completes "FEATURE ..."."""

    feature: str
    said: str
    value: str
    expected: str
    advice: str
    examples: tuple[Example, ...] = ()


def leak_findings(
    line: Line, check: str, leaks: Sequence[Leak], *, looked_at: str, expected: str, severity: Severity = "error"
) -> list[Finding]:
    """The findings of one check.

    Args:
        looked_at: what was compared, for a check that found nothing.
    """
    if not leaks:
        return [
            Finding(
                rule=check, passed=True, severity=severity, value=looked_at, expected=expected, advice="none needed"
            )
        ]
    return [
        Finding(
            rule=f"{PREFIX}{leak.feature} {leak.said}",
            passed=False,
            severity=severity,
            value=leak.value,
            expected=leak.expected,
            advice=f"{leak.advice}; if it is no leak, declare allow_leak({leak.feature!r}, reason=...)",
            examples=leak.examples,
            allowed=reasons(line).get(leak.feature),
            feature=leak.feature,
        )
        for leak in leaks
    ]


def not_run(why: str) -> Finding:
    """That no decision was recomputed with the knowledge of its time."""
    return not_judged(
        KNOWS_THE_FUTURE,
        why,
        expected=EXPECTED,
        advice="windows and latest values are cut by the engine; look at views and functions of your own",
    )


def knowledge_was_audited(findings: Sequence[Finding]) -> bool:
    """Whether these findings say anything of features that know the future."""
    return any(_is_of_knowledge(finding.rule) for finding in findings)


def is_of_the_build(finding: Finding) -> bool:
    """Whether it is of a check that needs the rows of the sources, which only a build has at hand."""
    checks = finding.rule.startswith((TIMELESS_FACTS, TIMELESS_COUNTS))
    return checks or finding.rule.endswith((f" {CHANGES}", f" {COUNTS_ON}")) or _is_of_knowledge(finding.rule)


def _is_of_knowledge(rule: str) -> bool:
    return rule == KNOWS_THE_FUTURE or rule.endswith(" knows the future")


def reasons(line: Line) -> dict[str, str]:
    """Feature -> why what the audit finds in it is allowed."""
    return {rule.feature: rule.reason for rule in line.quality if isinstance(rule, AllowLeak)}


def audit_of(line: Line, findings: Sequence[Finding]) -> dict[str, Any]:
    """What the audit came to, for the manifest; the rows behind it stand among the findings."""
    checks = {finding.rule: finding for finding in findings if finding.rule.startswith(PREFIX)}
    return {
        "passed": not any(finding.stops for finding in checks.values()),
        "checks": {rule.removeprefix(PREFIX): _told(finding) for rule, finding in checks.items()},
        "allowed": [{"feature": name, "reason": reason} for name, reason in reasons(line).items()],
    }


def _told(finding: Finding) -> Mapping[str, str]:
    return {"result": finding.result, "found": finding.value}
