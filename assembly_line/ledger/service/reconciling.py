"""Whether every decision of the last days is accounted for: predicted = delivered + dead-lettered, in each channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.delivery import ScoredPeriod, paused
from assembly_line.instants import format_day, to_micros
from assembly_line.ledger.service.opening import opened
from assembly_line.names import ASKED_RUN, LedgerKind, delivered_item

if TYPE_CHECKING:
    from assembly_line.ledger.service.opening import OpenLedger
    from assembly_line.storage import Account

# Runs of so many days are looked at each day. One that began so lately may still be sending.
LOOKED_BACK, STILL_SENDING = timedelta(days=4), timedelta(hours=2)
# Days of decisions of one run.
MOST_DAYS = 400
KINDS = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.QUARANTINE)
COLUMNS = {
    LedgerKind.PREDICTIONS: ("decision_id", "revision", "run_id"),
    LedgerKind.DELIVERIES: ("decision_id", "run_id", "document"),
    LedgerKind.QUARANTINE: ("decision_id", "run_id", "station"),
}
# What a consumer was given again is no channel of the run. Rows of older versions name no channel.
# The first ten decisions of a difference are named.
# A decision that an application asked for is a run of its own, and its one channel is the answer.
_ASKED = f"regexp_full_match(run_id, '{ASKED_RUN}')"
_SENT = f"""
WITH batches AS (SELECT unnest(?::VARCHAR[]) AS run_id),
runs AS (
    FROM batches
    UNION SELECT run_id FROM predictions WHERE {_ASKED} AND revision >= ?
),
predicted AS (
    SELECT DISTINCT run_id, decision_id FROM predictions SEMI JOIN runs USING (run_id) WHERE revision < ?
),
kept_aside AS (
    SELECT DISTINCT run_id, decision_id FROM quarantine SEMI JOIN runs USING (run_id) WHERE station = 'delivery'
),
sent AS (
    SELECT DISTINCT run_id, decision_id, coalesce(document->>'$.channel', 'sns') AS channel
    FROM deliveries SEMI JOIN runs USING (run_id)
    WHERE run_id IN (SELECT run_id FROM predicted) AND coalesce(document->>'$.channel', 'sns') NOT LIKE 'sqs:%'
),
channels AS (
    SELECT DISTINCT run_id, channel FROM sent
    UNION SELECT DISTINCT run_id, CASE WHEN {_ASKED} THEN 'api' ELSE 'sns' END
    FROM predicted
),
differences AS (
    SELECT run_id, channel, 'no_delivery' AS what, decision_id
    FROM predicted JOIN channels USING (run_id) ANTI JOIN sent USING (run_id, channel, decision_id)
    UNION ALL SELECT run_id, channel, 'no_prediction', decision_id
    FROM sent ANTI JOIN predicted USING (run_id, decision_id)
    UNION ALL SELECT run_id, '', 'kept_aside_and_predicted', decision_id
    FROM kept_aside SEMI JOIN predicted USING (run_id, decision_id)
)
SELECT run_id, channel, what, count(*), min(decision_id, 10) FROM differences GROUP BY ALL ORDER BY ALL
"""


def reconcile(account: Account, line: str, now: datetime) -> dict[str, Any]:
    """Compare what the runs of the last days predicted with what their channels took, decision by decision.

    What applications asked for is compared too, if it was decided as of now.

    Returns:
        `runs`: how many batches were looked at. `differences`: how many decisions differ. `found`: each kind of
        difference of each run and channel, with the first decisions. `because`: why nothing was looked at; None
        otherwise.
    """
    nothing: dict[str, Any] = {"line": line, "runs": 0, "differences": 0, "found": []}
    if (held := paused(account, line)) is not None:
        return {**nothing, "because": f"the deliveries are paused since {held['at']}: runs wait"}
    periods = _periods(account, line, now)
    lately = (format_day(now - timedelta(days=each)) for each in range(LOOKED_BACK.days + 1))
    days = sorted({*lately, *(day for period in periods.values() for day in _days(period))})
    with opened(account, line, KINDS) as ledger:
        ledger.read_tail()
        for kind in KINDS:
            ledger.add_days(kind, days, COLUMNS[kind])
        found = _differences(ledger, periods, now)
    differences = sum(one["decisions"] for one in found)
    return {"line": line, "runs": len(periods), "differences": differences, "found": found, "because": None}


def _differences(ledger: OpenLedger, periods: Mapping[str, ScoredPeriod], now: datetime) -> list[dict[str, Any]]:
    since, until = (to_micros(now - each) for each in (LOOKED_BACK, STILL_SENDING))
    rows = ledger.session.rows(_SENT, [sorted(periods), since, until])
    names = ("run_id", "channel", "what", "decisions", "first")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _periods(account: Account, line: str, now: datetime) -> dict[str, ScoredPeriod]:
    """Runs that went into delivery of the last days: those that left delivery rows then, or happened then."""
    since = now - LOOKED_BACK
    files = account.ledger.files(line, LedgerKind.DELIVERIES, since=format_day(since))
    # A dot stands in no run's name.
    sending = {name.partition(".")[0] for names in files.values() for name in names}
    known = account.control.between(line, delivered_item(""), delivered_item("~"))
    periods = map(ScoredPeriod.from_json, known)
    return {one.run_id: one for one in periods if one.run_id in sending or since <= one.instant <= now}


def _days(period: ScoredPeriod) -> list[str]:
    number = (period.until - period.since) // timedelta(days=1) + 2
    return [format_day(period.since + timedelta(days=each)) for each in range(min(number, MOST_DAYS))]
