"""The ledger of one line, joined and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.names import LedgerKind

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.feedback.history import History
    from assembly_line.feedback.performance import Performance
    from assembly_line.storage import Account


def read_history(account: Account, line: str) -> History:
    """Everything that the ledger knows of a line."""
    from assembly_line.feedback.history import join

    ledger = account.ledger
    return join(
        ledger.read(line, LedgerKind.PREDICTIONS),
        ledger.read(line, LedgerKind.DELIVERIES),
        ledger.read(line, LedgerKind.FEEDBACK),
        ledger.read(line, LedgerKind.OUTCOMES),
    )


def quarantined(account: Account, line: str) -> int:
    """How many rows the ledger keeps aside: scores and feedback that nobody may act on or judge by."""
    return sum(1 for _ in account.ledger.read(line, LedgerKind.QUARANTINE))


def measured_performance(
    history: History, line: Line, *, by: str | None = None, cluster: str | None = None
) -> list[Performance]:
    """Judge the delivered predictions; decisions with one value of `cluster` are resampled together.

    Without a cluster it is the first key, or what groups the decisions of a ranking.
    """
    from assembly_line.feedback.performance import measure

    return measure(history, kind=line.predicts, cluster=cluster or _cluster(line), by=by)


def lacking_keys(history: History, line: Line, *, by: str | None = None, cluster: str | None = None) -> dict[str, int]:
    """Key that `measured_performance` needs -> how many delivered decisions lack it; none with 0."""
    from assembly_line.feedback.performance import without_keys

    return without_keys(history, filter(None, (cluster or _cluster(line), by)))


def _cluster(line: Line) -> str:
    return line.predicts.cluster(list(line.decision.keys))
