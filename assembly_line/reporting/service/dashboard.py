"""The tactical dashboard of a line, from the tables of its ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from assembly_line.delivery import paused
from assembly_line.feedback import figures_by_month, quarantined, require_key
from assembly_line.ledger import opened_decisions
from assembly_line.names import DeliveryStatus, LedgerKind
from assembly_line.reporting.dashboard_page import DashboardSubject, dashboard_page
from assembly_line.reporting.standing import READ, Standing, standing

if TYPE_CHECKING:
    from assembly_line.ledger import OpenLedger
    from assembly_line.storage import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard. Args: `page`: HTML."""

    line: str
    page: str
    standing: Standing
    dead_letters: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The figures that a program may want, without the page."""
        whole = self.standing.whole
        return {
            "line": self.line,
            "decisions": whole.decisions if whole else 0,
            "acted": whole.acted if whole else 0,
            "in_force": whole.in_force if whole else 0,
            "outcomes": whole.known if whole else 0,
            "undelivered": self.standing.undelivered,
            "dead_letters": self.dead_letters,
        }


def dashboard(account: Account, name: str, *, by: str | None = None, now: datetime) -> Dashboard:
    """The dashboard of a line.

    Args:
        by: key of the segments; by default the one with the fewest values.

    Raises:
        NotFound: the line was never released, or matplotlib is not installed.
        RequestRefused: no decision has the key `by`.
    """
    line = account.released.release(name).line
    cluster = line.predicts.cluster(list(line.decision.keys))
    held = paused(account, name)
    with opened_decisions(account, name, READ) as ledger:
        if by is not None:
            require_key(ledger.session, by)
        found = standing(ledger.session, line, by=by)
        dead = _dead_letters(ledger)
        subject = DashboardSubject(
            line=line,
            now=now.astimezone(UTC),
            paused=None if held is None else f"{held['reason']} (since {held['at'][:16]}, by {held['by']})",
            dead_letters=dead,
            quarantined=quarantined(account, name),
            performance=figures_by_month(ledger.session, kind=line.predicts, cluster=cluster),
        )
    return Dashboard(line=name, page=dashboard_page(subject, found), standing=found, dead_letters=dead)


def _dead_letters(ledger: OpenLedger) -> dict[str, int]:
    """Reason -> decisions that a channel could not take, and of which no revision arrived; the commonest first."""
    session = ledger.session
    session.execute(
        "CREATE OR REPLACE TEMP TABLE missing AS SELECT day, decision_id FROM decisions "
        "WHERE NOT delivered AND NOT backfill"
    )
    days = {day for (day,) in session.rows("SELECT DISTINCT day FROM missing")}
    # Days that the tail reaches are there already.
    if further := days - {*ledger.joined}:
        ledger.add_days(LedgerKind.DELIVERIES, further, ("decision_id", "revision", "status", "reason"))
    return dict(
        session.rows(
            "SELECT coalesce(reason, 'not known') AS why, count(DISTINCT decision_id) AS number FROM "
            f"{LedgerKind.DELIVERIES} SEMI JOIN missing USING (decision_id) WHERE status = ? "
            "GROUP BY why ORDER BY number DESC, why",
            [DeliveryStatus.DEAD_LETTERED],
        )
    )
