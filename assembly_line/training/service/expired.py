"""Old runs: what is kept of a line's runs and why, what goes, and how much room that makes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assembly_line.errors import RequestRefused
from assembly_line.instants import format_instant
from assembly_line.storage import RunRetention, run_references

if TYPE_CHECKING:
    from assembly_line.storage import Account


def expired(account: Account, line: str, *, delete: bool) -> dict[str, Any]:
    """Decide by the line's declared retention, and with `delete` carry it out, as JSON values.

    Raises:
        NotFound: the line was never released here.
        RequestRefused: it declares no retention.
    """
    declared = account.released.release(line).line.training.retention
    if declared is None:
        raise RequestRefused(
            f"line {line!r} declares no retention, so its runs stay; declare such as "
            "Training(retention=Retention(older_than=timedelta(days=365))) and release the line"
        )
    cutoff = datetime.now(UTC) - declared.older_than
    retention = RunRetention(
        account.store,
        account.control,
        account.registry(line),
        line,
        lambda known: run_references(line, account, known),
    )
    act = retention.carry_out if delete else retention.plan
    verdicts = act(cutoff=cutoff, keep_last=declared.keep_last)
    return {
        "line": line,
        "older_than_days": declared.older_than.days,
        "since": format_instant(cutoff),
        "deleted": delete,
        "runs": [
            {
                "run_id": verdict.run.run_id,
                "kind": verdict.run.kind,
                "used": format_instant(verdict.run.used),
                "bytes": verdict.run.bytes,
                "kept": verdict.kept,
                "why": verdict.why,
            }
            for verdict in verdicts
        ],
        "bytes": sum(verdict.run.bytes for verdict in verdicts if not verdict.kept),
    }
