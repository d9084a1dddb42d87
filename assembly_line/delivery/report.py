"""What became of a batch, by id: offered = delivered + quarantined + dead-lettered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from assembly_line.errors import ScoringFailed


class Status(StrEnum):
    """What a delivery record says of one letter."""

    DELIVERED = "delivered"
    DEAD_LETTERED = "dead_lettered"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """Distinct decisions of one run. `reasons`: why those that were not delivered were not, and how many."""

    offered: int
    delivered: int
    quarantined: int
    dead_lettered: int
    reasons: dict[str, int]

    def __post_init__(self) -> None:
        accounted = self.delivered + self.quarantined + self.dead_lettered
        if self.offered != accounted:
            raise ScoringFailed(
                f"{self.offered} decisions were offered but {accounted} are accounted for ({self.delivered} delivered, "
                f"{self.quarantined} quarantined, {self.dead_lettered} dead-lettered); redrive the execution: "
                "what was sent already is not sent again"
            )

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def account(
    records: Iterable[Mapping[str, Any]], *, offered: int, quarantined: Iterable[Mapping[str, Any]]
) -> DeliveryReport:
    """Add up a run.

    Args:
        records: the run's delivery records.
        offered: distinct decisions of the batch.
        quarantined: the run's rows that were kept aside before delivery.

    Raises:
        ScoringFailed: the numbers do not add up.
    """
    fate = {row["decision_id"]: ("quarantined", row["reason"]) for row in quarantined}
    fate |= {record["decision_id"]: (record["status"], record["reason"]) for record in records}
    found = Counter(kind for kind, _ in fate.values())
    reasons = Counter(reason for kind, reason in fate.values() if kind != Status.DELIVERED)
    return DeliveryReport(
        offered=offered,
        delivered=found[Status.DELIVERED],
        quarantined=found["quarantined"],
        dead_lettered=found[Status.DEAD_LETTERED],
        reasons=dict(sorted(reasons.items())),
    )
