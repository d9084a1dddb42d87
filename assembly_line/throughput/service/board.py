"""The board of each line, from the station events of an account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from assembly_line.throughput.board import LineBoard, boards

if TYPE_CHECKING:
    from assembly_line.storage import Account


def boards_of(account: Account, *, line: str | None = None, since_day: str | None = None) -> list[LineBoard]:
    """Where time goes, as of now.

    Args:
        line: only this one.
        since_day: only events from this day on, such as 20261101.
    """
    events = account.event_log.read(since_day=since_day)
    return boards((event for event in events if line in (None, event.line)), now=datetime.now(UTC))
