"""When a line's decisions are due, in short. A line that declares nothing costs no import."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.storage import Account

LATELY = timedelta(days=3)


def due_of(account: Account, line: str, now: datetime) -> dict[str, Any] | None:
    """What a line declares due, when the next slot is, and how the latest stands; None if it declares nothing due.

    Raises:
        NotFound: the line was never released.
    """
    due = account.released.current(line).delivery.due
    if due is None:
        return None
    from assembly_line.delivery.service.slot_standings import standing_of_slot
    from assembly_line.delivery.service.slots import slot_records
    from assembly_line.delivery.slots import described, next_slot

    recorded = slot_records(account, line, now - LATELY, now)
    latest = max(recorded, default=None)
    return {
        "declared": described(due),
        "next": None if due.cadence is None else format_instant(next_slot(due.cadence, now)),
        "latest": None if latest is None else standing_of_slot(account, due, latest, recorded[latest], now),
    }
