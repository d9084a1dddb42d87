"""What became of a batch, by id: offered = delivered + quarantined + dead-lettered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assembly_line.errors import ScoringFailed
from assembly_line.names import DeliveryStatus

QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery row of the ledger: what became of one letter.

    Args:
        reason: why it is dead-lettered; None for one that was delivered.
        at: by the line's business clock, which decides what was in force.
        sent_at: in real time.
    """

    line: str
    run_id: str
    decision_id: str
    revision: int
    status: DeliveryStatus
    reason: str | None
    message_id: str | None
    at: str
    sent_at: str

    @property
    def dead(self) -> bool:
        return self.status == DeliveryStatus.DEAD_LETTERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What one channel did with its letters."""

    delivered: int
    dead_lettered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """Distinct decisions of one run.

    Args:
        offered: all but those that are withheld.
        withheld: scored and not offered to anybody: the run is a backfill.
        delivered, dead_lettered: by every channel, and not by every channel.
        reasons: why those that were not delivered were not, and how many.
        channels: channel -> what it did.
    """

    offered: int
    delivered: int
    quarantined: int
    dead_lettered: int
    reasons: dict[str, int]
    channels: dict[str, Fates]
    withheld: int = 0

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
    records: Mapping[str, Iterable[DeliveryRecord]],
    *,
    offered: int,
    quarantined: Iterable[Mapping[str, Any]],
    withheld: int = 0,
) -> DeliveryReport:
    """Add up a run.

    Args:
        records: channel -> the run's delivery records.
        offered: distinct decisions of the batch, without those that are withheld.
        quarantined: the run's rows that were kept aside before delivery.
        withheld: decisions that are scored and offered to nobody.

    Raises:
        ScoringFailed: the numbers do not add up.
    """
    fate: dict[str, tuple[str, str | None]] = {row["decision_id"]: (QUARANTINED, row["reason"]) for row in quarantined}
    channels = {}
    for channel, kept in records.items():
        told = {record.decision_id: (record.status, record.reason) for record in kept}
        counts = Counter(status for status, _ in told.values())
        channels[channel] = Fates(
            delivered=counts[DeliveryStatus.DELIVERED], dead_lettered=counts[DeliveryStatus.DEAD_LETTERED]
        )
        # What one channel could not deliver is not delivered, whatever another one did.
        failed = {key for key, (status, _) in fate.items() if status == DeliveryStatus.DEAD_LETTERED}
        fate |= {key: found for key, found in told.items() if key not in failed}
    found = Counter(kind for kind, _ in fate.values())
    reasons = Counter(str(reason) for kind, reason in fate.values() if kind != DeliveryStatus.DELIVERED)
    return DeliveryReport(
        offered=offered,
        delivered=found[DeliveryStatus.DELIVERED],
        quarantined=found[QUARANTINED],
        dead_lettered=found[DeliveryStatus.DEAD_LETTERED],
        reasons=dict(sorted(reasons.items())),
        channels=channels,
        withheld=withheld,
    )
