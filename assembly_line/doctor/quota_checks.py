"""The slow half: quotas of the account against what the environment and its lines will ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assembly_line.doctor.account_checks import unanswered
from assembly_line.doctor.costs import DPUS
from assembly_line.doctor.wanted import Ask, Wanted
from assembly_line.proof.findings import Finding, fault, remark

CHECK = "quotas"
# Functions that a working line runs at once: two consumers of each queue, the API, and the steps of machines.
CONCURRENCY = 10
LOG_POLICIES = 10
INCREASE = "ask for an increase in Service Quotas; it may take days"
OF_USE = {"training": "for training job usage", "transform": "for transform job usage"}
# CloudFormation: quotas that only support raises.
EXPORTS = 5000


def functions(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Functions that may run at once, and their memory."""
    limits = ask("lambda", "get_account_settings", "AccountLimit")
    yield from unanswered(CHECK, "Lambda", limits)
    if not limits.value:
        return
    allowed = int(limits.value["ConcurrentExecutions"])
    if allowed < CONCURRENCY:
        says = f"{allowed} functions may run at once, a working line runs up to {CONCURRENCY}"
        yield fault(CHECK, "Lambda concurrency", says, INCREASE)
    elif allowed <= CONCURRENCY:
        says = f"{allowed} functions may run at once in the whole account: several lines will be throttled"
        yield remark(CHECK, "Lambda concurrency", says, INCREASE)
    largest = max(f.properties.get("MemorySize", 128) for f in wanted.world.of_type("AWS::Lambda::Function"))
    if largest > 3008 and allowed <= CONCURRENCY:
        says = f"a function asks for {largest} MiB; an account this small often caps memory at 3008"
        yield remark(CHECK, "Lambda memory", says, "lower dataset_memory_mib, or try")


def instances(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """SageMaker instances of the declared types: a quota of 0 looks like training for hours."""
    quotas = ask("service-quotas", "list_service_quotas", "Quotas", ServiceCode="sagemaker")
    yield from unanswered(CHECK, "SageMaker", quotas)
    if not quotas.known or quotas.value is None:
        return
    values = {str(each["QuotaName"]): float(each["Value"]) for each in quotas.value}
    for use, suffix in OF_USE.items():
        for instance in sorted(wanted.instances(use)):
            allowed = values.get(f"{instance} {suffix}")
            place = f"SageMaker {instance} {suffix}"
            if allowed is None:
                yield remark(CHECK, place, "has no quota that Service Quotas lists", "look in the console")
            elif allowed < 1:
                says = "is 0: every job of a line that declares it would wait for nothing"
                yield fault(CHECK, place, says, f"{INCREASE}, or declare another type")
            elif allowed < 2 and wanted.refits(instance):
                says = "is 1: the two fits of a run cannot run side by side, so a run takes twice as long"
                yield remark(CHECK, place, says, INCREASE)


def workers(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """DPUs that Glue jobs may use together."""
    quotas = ask("service-quotas", "list_service_quotas", "Quotas", ServiceCode="glue")
    yield from unanswered(CHECK, "Glue", quotas)
    allowed = next(
        (float(each["Value"]) for each in quotas.value or [] if each["QuotaName"] == "Max task DPUs per account"), None
    )
    needed = max((_dpus(job.properties) for job in wanted.world.of_type("AWS::Glue::Job")), default=0)
    if allowed is not None and allowed < needed:
        yield fault(CHECK, "Glue DPUs", f"{allowed:g} are allowed, one job takes {needed}", INCREASE)


def _dpus(job: dict[str, Any]) -> int:
    return int(DPUS.get(job.get("WorkerType", "G.1X"), 1) * job.get("NumberOfWorkers", 2))


def log_policies(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Resource policies of CloudWatch Logs, of which a Region has ten."""
    found = ask("logs", "describe_resource_policies", "resourcePolicies")
    yield from unanswered(CHECK, "log resource policies", found)
    number = len(found.value or [])
    if wanted.count("AWS::StepFunctions::StateMachine") and number >= LOG_POLICIES:
        says = f"{number} of {LOG_POLICIES} are taken: no machine can be given a log"
        yield fault(CHECK, "log resource policies", says, "delete one that is not needed")


def exports(ask: Ask, wanted: Wanted) -> Iterator[Finding]:
    """Exports of the Region's stacks."""
    found = ask("cloudformation", "list_exports", "Exports")
    yield from unanswered(CHECK, "exports", found)
    own = sum(
        "Export" in each for t in wanted.world.templates.by_stack.values() for each in t.get("Outputs", {}).values()
    )
    number = len(found.value or [])
    if number + own > EXPORTS:
        yield fault(
            CHECK, "exports", f"{number} are there, {own} more come, {EXPORTS} are the most", "remove old stacks"
        )
