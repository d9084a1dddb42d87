"""Holding a line's deliveries back for a while: what would leave waits, and leaves once they are resumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused
from assembly_line.instants import format_instant
from assembly_line.names import ControlKey

if TYPE_CHECKING:
    from datetime import datetime

    from assembly_line.storage import Account

LEAST_REASON = 3


def pause(account: Account, line: str, *, by: str, reason: str, now: datetime) -> dict[str, Any]:
    """Let nothing of the line leave until somebody resumes it. What is leaving now ends with its shard.

    Args:
        by: who asks for it.
        reason: why; it is kept.

    Raises:
        RequestRefused: there is no reason, or the deliveries are paused already.
    """
    if len(reason.strip()) < LEAST_REASON:
        raise RequestRefused.about(
            "--reason", repr(reason), f"at least {LEAST_REASON} characters", "say why the deliveries are paused"
        )
    if (found := paused(account, line)) is not None:
        raise RequestRefused.about(
            f"Line {line}",
            f"its deliveries are paused since {found['at']} by {found['by']}: {found['reason']}",
            "a line that delivers",
            f"resume them with `line delivery resume {line}`",
        )
    told = {"paused": True, "by": by, "at": format_instant(now), "reason": reason.strip()}
    account.control.write(line, ControlKey.DELIVERY, told)
    return {"line": line, **told}


def resume(account: Account, line: str, *, by: str, now: datetime) -> dict[str, Any]:
    """Let the line deliver again: runs that wait go on within a minute.

    Raises:
        RequestRefused: the deliveries are not paused.
    """
    if paused(account, line) is None:
        raise RequestRefused.about(
            f"Line {line}", "its deliveries are not paused", "paused deliveries", "there is nothing to resume"
        )
    told = {"paused": False, "by": by, "at": format_instant(now)}
    account.control.write(line, ControlKey.DELIVERY, told)
    return {"line": line, **told}


def paused(account: Account, line: str) -> dict[str, Any] | None:
    """Who paused the line's deliveries, when and why; None if they are not paused."""
    found = account.control.read(line, ControlKey.DELIVERY)
    return None if found is None or not found["paused"] else dict(found)
