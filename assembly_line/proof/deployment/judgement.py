"""Judges the deployment: whether the templates go into a fresh account, and a second time."""

from __future__ import annotations

from assembly_line.proof.deployment import hearing, limits, references
from assembly_line.proof.findings import Judgement
from assembly_line.proof.world import World

NOT_JUDGED = (
    "Quotas that only an account knows: `line doctor` looks at them.",
    "Values that CloudFormation checks when it makes a resource, beyond names, sizes and policies.",
)


def judgement(world: World) -> Judgement:
    """Every check of the templates alone."""
    checks = (
        references.kept_under_fixed_names,
        references.names_without_dependency,
        references.imports_without_dependency,
        references.exports_that_deadlock,
        limits.growing,
        limits.too_long,
        limits.quotas,
        hearing.unheard_machines,
        hearing.unheard_schedules,
    )
    findings = tuple(sorted({finding for check in checks for finding in check(world)}))
    return Judgement(
        check=references.CHECK,
        counts={
            "stacks": len(world.templates.by_stack),
            "resources": len(world.resources),
            "fixed names": sum(1 for each in world.resources.values() if world.fixed_name(each) is not None),
        },
        findings=findings,
        not_judged=NOT_JUDGED,
    )
