"""What became of a batch, by id: offered = delivered + quarantined + dead-lettered."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from assembly_line.delivery.channels import SNS_CHANNEL
from assembly_line.errors import ScoringFailed
from assembly_line.names import DeliveryStatus

QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """A delivery row of the ledger: what became of one message.

    Args:
        reason: why it is dead-lettered; None for one that was delivered.
        at: by the line's business clock, which decides what was in force.
        sent_at: in real time.
        channel: which took it. Rows of versions with one channel alone do not say so.
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
    channel: str = SNS_CHANNEL

    @property
    def dead(self) -> bool:
        return self.status == DeliveryStatus.DEAD_LETTERED


@dataclass(frozen=True, slots=True, kw_only=True)
class Fates:
    """What one channel did with its messages."""

    delivered: int
    dead_lettered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """Distinct decisions of one run.

    Args:
        offered: all but those that are withheld.
        withheld: scored and not offered to anybody: the run is a backfill.
        delivered, dead_lettered: by every channel, and not by every channel.
        unsent: neither yet, because messages have no delivery record; only while a run is not over.
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
    unsent: int = 0

    def __post_init__(self) -> None:
        accounted = self.delivered + self.quarantined + self.dead_lettered + self.unsent
        if self.offered != accounted:
            raise ScoringFailed(
                f"{self.offered} decisions were offered but {accounted} are accounted for ({self.delivered} delivered, "
                f"{self.quarantined} quarantined, {self.dead_lettered} dead-lettered); redrive the execution: "
                "what was sent already is not sent again"
            )

    def to_json(self) -> dict[str, Any]:
        told = asdict(self)
        if not self.unsent:
            del told["unsent"]
        return told
