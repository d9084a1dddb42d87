"""Old datasets: what is kept of a line's datasets and why, what goes, and how much room that makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.instants import format_instant
from assembly_line.storage import Retention, references

if TYPE_CHECKING:
    from assembly_line.storage import Account


def retained(account: Account, line: str, *, older_than: timedelta, keep_last: int, delete: bool) -> dict[str, Any]:
    """Decide, and with `delete` carry it out, as JSON values.

    Raises:
        NotFound: the line was never released here.
    """
    account.control.current_release(line)
    cutoff = datetime.now(UTC) - older_than
    retention = Retention(
        account.store,
        account.lake_objects,
        line,
        lambda: references(line, account),
    )
    act = retention.carry_out if delete else retention.plan
    found = act(cutoff=cutoff, keep_last=keep_last)
    return {
        "line": line,
        "older_than": f"{older_than.days}d",
        "since": format_instant(cutoff),
        "deleted": delete,
        "datasets": [
            {
                "dataset_id": verdict.dataset.dataset_id,
                "state": verdict.dataset.state,
                "used": format_instant(verdict.dataset.used),
                "bytes": verdict.dataset.bytes,
                "kept": verdict.kept,
                "why": verdict.why,
            }
            for verdict in found.verdicts
        ],
        "leftovers": {"versions": len(found.leftovers), "bytes": sum(one.size for one in found.leftovers)},
        "lake": {"versions": len(found.lake), "bytes": sum(one.size for one in found.lake)},
        "bytes": found.bytes,
    }
