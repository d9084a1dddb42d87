"""The ledger of one line, joined and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assembly_line.names import LedgerKind

if TYPE_CHECKING:
    from assembly_line.declarations.lines import Line
    from assembly_line.feedback.performance import Performance
    from assembly_line.ledger import OpenLedger
    from assembly_line.storage import Account

# What is counted of the decisions, as a condition on their columns.
COUNTED = {
    "decisions": "TRUE",
    "delivered": "delivered",
    "in_force": "in_force",
    "backfills": "backfills > 0",
    "overrides": "overridden",
    "hindsight": "hindsight",
    "confirmed": "confirmed",
    "receipts": "receipts > 0",
    "outcomes": "outcome IS NOT NULL",
    "flagged": "flags <> ''",
}
TALLIED = ("parked", "conflicts", "duplicates", "withdrawn")
# What the counts and the measures read.
READ = (
    *("decision_id", "decision_time", "keys", "delivered", "in_force", "outcome", "prior", "score", "baseline"),
    *("scale", "detail", "backfills", "overridden", "hindsight", "confirmed", "receipts", "flags"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLine:
    """A line's decisions, judged.

    Args:
        performance: of each group, and of all decisions last.
        counts: sums over all decisions, and what could not be joined: `parked` waits for its decision, `conflicts`
            contradict each other and count nowhere, `duplicates` only repeat a row, `withdrawn` was taken back,
            `quarantined` nobody may act on or judge by.
        lacking: key that is needed -> how many delivered decisions lack it.
    """

    performance: list[Performance]
    counts: Mapping[str, int]
    lacking: Mapping[str, int]


def judged_line(account: Account, line: Line, *, by: str | None = None, cluster: str | None = None) -> JudgedLine:
    """Judge the delivered predictions; decisions with one value of `cluster` are resampled together.

    Without a cluster it is the first key, or what groups the decisions of a ranking.

    Raises:
        RequestRefused: no decision has `cluster`, or `by`, as a key; or `cluster` parts the groups of a ranking.
    """
    from assembly_line.feedback.performance import measure, nothing_judged, without_keys

    if not account.compacted(line.name).exists():
        none = dict.fromkeys((*COUNTED, *TALLIED, "quarantined"), 0)
        return JudgedLine(performance=[nothing_judged(line.predicts)], counts=none, lacking={})
    from assembly_line.ledger import opened_decisions

    together = cluster or line.predicts.cluster(list(line.decision.keys))
    with opened_decisions(account, line.name, READ) as ledger:
        return JudgedLine(
            performance=measure(ledger.session, kind=line.predicts, cluster=together, by=by),
            counts={**counted(ledger), "quarantined": quarantined(account, line.name)},
            lacking=without_keys(ledger.session, filter(None, (together, by))),
        )


def counted(ledger: OpenLedger) -> dict[str, int]:
    """Sums over all decisions of an open ledger, and what could not be joined."""
    from assembly_line.ledger import tallied

    sums = ", ".join(f"count(*) FILTER ({condition}) AS {name}" for name, condition in COUNTED.items())
    ((*numbers,),) = ledger.session.rows(f"SELECT {sums} FROM decisions")
    beside = tallied(ledger)
    return {**dict(zip(COUNTED, numbers, strict=True)), **{name: beside.get(name, 0) for name in TALLIED}}


def quarantined(account: Account, line: str) -> int:
    """How many rows the ledger keeps aside: scores and feedback that nobody may act on or judge by."""
    store = account.compacted(line)
    state, _ = store.state()
    new = sum(1 for _ in store.rows(store.tail(state, (LedgerKind.QUARANTINE,))))
    return new + sum(part.rows for part in state.of_table(LedgerKind.QUARANTINE).values())
