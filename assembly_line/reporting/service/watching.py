"""The figures of a line's ledger that are watched from day to day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.feedback import latest_figure
from assembly_line.ledger import opened_decisions
from assembly_line.line_metrics import OUTCOME_COVERAGE, PERFORMANCE, LineMetric

if TYPE_CHECKING:
    from assembly_line.storage import Account

# What these figures read of the table `decisions`.
WATCHED = (
    *("decision_id", "decision_time", "keys", "delivered", "in_force", "outcome", "prior", "score", "baseline"),
    *("scale", "detail"),
)


def watched(account: Account, name: str) -> dict[LineMetric, float]:
    """How many decisions in force have a certain outcome, in percent, and the line's first measure of the latest ones.

    A figure that cannot be computed is missing.

    Raises:
        NotFound: the line was never released.
    """
    line = account.released.release(name).line
    if not account.compacted(name).exists():
        return {}
    with opened_decisions(account, name, WATCHED) as ledger:
        in_force = ledger.session.number("delivered AND in_force")
        if not in_force:
            return {}
        cluster = line.predicts.cluster(list(line.decision.keys))
        known = ledger.session.number("delivered AND in_force AND outcome IS NOT NULL")
        found: dict[LineMetric, float] = {OUTCOME_COVERAGE: 100 * known / in_force}
        figure = latest_figure(ledger.session, kind=line.predicts, cluster=cluster) if known else None
    return found if figure is None else {**found, PERFORMANCE: figure}
