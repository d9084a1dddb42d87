"""The whole look at an account, or its fast half."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from assembly_line.doctor import account_checks, quota_checks
from assembly_line.doctor.costs import Cost, costs, idle
from assembly_line.doctor.wanted import Ask, Wanted
from assembly_line.proof.findings import Finding, Weight

Check = Callable[[Ask, Wanted], Iterator[Finding]]
# What may stop a deployment at once; some seconds.
FAST: tuple[Check, ...] = (
    account_checks.bootstrap,
    account_checks.identities,
    account_checks.federated_roles,
    account_checks.left_behind,
)
SLOW: tuple[Check, ...] = (
    account_checks.region,
    quota_checks.functions,
    quota_checks.instances,
    quota_checks.workers,
    quota_checks.log_policies,
    quota_checks.exports,
)
NOT_LOOKED_AT = (
    "Whether Glue 6.0 runs in the Region: no call tells; the first job does.",
    "Whether capacity is there when a job wants it: a quota is no instance.",
    "Service control policies and boundaries: they show as denied calls.",
)


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What was found, and what the environment will cost."""

    findings: tuple[Finding, ...]
    costs: tuple[Cost, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.weight is Weight.FAULT)

    @property
    def idle(self) -> float:
        return idle(list(self.costs))

    def document(self) -> dict[str, Any]:
        return {
            "findings": [finding.document() for finding in self.findings],
            "idle_usd_a_month": round(self.idle, 2),
            "costs": [{"what": each.what, "per": each.per, "usd": each.usd} for each in self.costs],
            "not_looked_at": list(NOT_LOOKED_AT),
        }


def fast(ask: Ask, wanted: Wanted) -> Examination:
    """What would stop a deployment that begins now."""
    return Examination(findings=tuple(dict.fromkeys(found for check in FAST for found in check(ask, wanted))))


def whole(ask: Ask, wanted: Wanted, *, available: set[str]) -> Examination:
    """Everything, with the costs.

    Args:
        available: services that the Region has, by botocore's list of endpoints.
    """
    dashboards = ask("cloudwatch", "list_dashboards", "DashboardEntries")
    findings = [*(found for check in (*FAST, *SLOW) for found in check(ask, wanted))]
    findings += [*account_checks.services(available, wanted)]
    findings += [*account_checks.unanswered("costs", "dashboards", dashboards)]
    return Examination(
        findings=tuple(sorted(set(findings))),
        costs=tuple(costs(wanted, dashboards=len(dashboards.value or []))),
    )
