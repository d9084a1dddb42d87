"""What an environment costs, idle and at work, computed from its templates by list prices of us-east-1, in USD.

Prices: AWS's public price list, November 2026. Other Regions differ by some percent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from assembly_line.doctor.wanted import Wanted

KEY, ALARM, DASHBOARD, METRIC = 1.00, 0.10, 3.00, 0.30
FREE_DASHBOARDS = 3
TRANSITION = 0.000025
DPU_HOUR = 0.44
DPUS = {"G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8}
INSTANCE_HOUR: Mapping[str, float] = {
    "ml.m5.large": 0.115,
    "ml.m5.xlarge": 0.23,
    "ml.m5.2xlarge": 0.461,
    "ml.m5.4xlarge": 0.922,
    "ml.c5.xlarge": 0.204,
    "ml.c5.2xlarge": 0.408,
}
# A job of the shipped line's size, with the start of its instance.
JOB_MINUTES = 5
# Always there, used or not.
BILLED_IDLE = {
    "AWS::EC2::NatGateway": 32.85,
    "AWS::EC2::VPCEndpoint": 7.30,
    "AWS::SecretsManager::Secret": 0.40,
    "AWS::Kinesis::Stream": 10.95,
    "AWS::WAFv2::WebACL": 5.00,
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One thing that is billed. Args: `usd`: None where the price is not known here."""

    what: str
    per: str
    usd: float | None


def costs(wanted: Wanted, *, dashboards: int = 0) -> list[Cost]:
    """Idle costs by the month, then those of one run of each kind.

    Args:
        dashboards: those that the account has already; the fourth and every further one costs.
    """
    keys, alarms = wanted.count("AWS::KMS::Key"), wanted.count("AWS::CloudWatch::Alarm")
    added = wanted.count("AWS::CloudWatch::Dashboard")
    billed = max(0, dashboards + added - FREE_DASHBOARDS) - max(0, dashboards - FREE_DASHBOARDS)
    found = [
        Cost(what=f"{keys} KMS keys", per="month", usd=keys * KEY),
        Cost(what=f"{alarms} alarms", per="month", usd=alarms * ALARM),
        Cost(what=f"{billed} dashboards beyond the free ones", per="month", usd=billed * DASHBOARD),
    ]
    for type_, usd in BILLED_IDLE.items():
        if number := wanted.count(type_):
            found.append(Cost(what=f"{number} {type_}", per="month", usd=number * usd))
    return [*found, *_at_work(wanted)]


def idle(found: list[Cost]) -> float:
    """USD a month while nothing is asked."""
    return sum(cost.usd or 0.0 for cost in found if cost.per == "month")


def _at_work(wanted: Wanted) -> list[Cost]:
    found = []
    for use, jobs in (("training", 4), ("transform", 1)):
        for instance in sorted(wanted.instances(use)):
            price = INSTANCE_HOUR.get(instance)
            usd = None if price is None else price * JOB_MINUTES / 60 * jobs
            what = f"{jobs} SageMaker jobs of {JOB_MINUTES} min on {instance}"
            found.append(Cost(what=what, per="training run" if use == "training" else "scoring run", usd=usd))
    for job in wanted.world.of_type("AWS::Glue::Job"):
        given = job.properties
        dpus = DPUS.get(given.get("WorkerType", "G.1X"), 1) * given.get("NumberOfWorkers", 2)
        name = wanted.world.name(job)
        found.append(
            Cost(what=f"Glue job {name}, {dpus} DPUs, its least minute", per="Glue run", usd=dpus * DPU_HOUR / 60)
        )
    found.append(Cost(what="20 transitions of a state machine", per="execution", usd=20 * TRANSITION))
    return found
