"""The ledger joined and judged: columns beside the join by rows, and beside a query that was written by hand.

The join is made once, when a day is compacted. `line performance` judges its table. The query by hand joins and judges.

`python -m benchmarks.stations.ledger 1000000` takes another number of decisions. All times are processor time.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assembly_line.canonical import canonical_json
from assembly_line.features import parquet_rows
from assembly_line.feedback.history import join
from assembly_line.feedback.performance import measure
from assembly_line.ledger import LedgerSession
from assembly_line.names import LedgerKind
from assembly_line.outcome_kinds import Binary

DECISIONS = 1_000_000
BY_ROWS = 100_000
DAYS = 100
HOUSEHOLDS = 50_000
DRAWS = 1000
KINDS = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.OUTCOMES)
MEMORY_MIB = 1024


def main() -> None:
    decisions = int(sys.argv[1]) if len(sys.argv) > 1 else DECISIONS
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder)
        compacted = _timed(lambda: _compact(place, decisions))
        kinds = {kind: sorted(place.glob(f"{kind}-*.parquet")) for kind in KINDS}
        found: dict[str, Any] = {"decisions": decisions, "compact": compacted}
        with LedgerSession(place, memory_mib=MEMORY_MIB) as session:
            for kind, paths in kinds.items():
                session.add_files(kind, paths)
            days = [day for (day,) in session.rows(f"SELECT DISTINCT day FROM {LedgerKind.PREDICTIONS}")]
            found["join"] = _timed(lambda: session.join(days))
            found["judge"] = _timed(lambda: _judged(session, draws=1))
            found["interval"] = _timed(lambda: _judged(session, draws=DRAWS)) if decisions <= DECISIONS else None
        with LedgerSession(place, memory_mib=MEMORY_MIB) as session:
            found["by_hand"] = _timed(lambda: session.rows(_by_hand(kinds)))
            (by_hand,) = session.rows(_by_hand(kinds))
        with LedgerSession(place, memory_mib=MEMORY_MIB) as session:
            session.define_decisions(())
            figures = _judged(session, draws=1)
        if (
            max(abs(one - other) for one, other in zip(by_hand, (figures["auc"], figures["log_loss"]), strict=True))
            > 1e-9
        ):
            raise RuntimeError(f"the query by hand found {by_hand}, the line {figures}")
    found["mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = [list(_rows(kind, min(decisions, BY_ROWS))) for kind in KINDS]
    by_rows = _timed(lambda: join(rows[0], rows[1], [], rows[2])) / len(rows[0])
    each = {name: found[name] / decisions * 1e6 for name in ("compact", "join", "judge", "by_hand")}
    each["join_by_rows"] = by_rows * 1e6
    if found["interval"] is not None:
        each["interval"] = (found["interval"] - found["judge"]) / decisions * 1e6
    said = {
        "decisions": decisions,
        "mib": found["mib"],
        "microseconds": {name: round(number, 2) for name, number in each.items()},
        "judge_against_by_hand": each["judge"] / each["by_hand"],
        "join_and_judge_against_by_hand": (each["join"] + each["judge"]) / each["by_hand"],
    }
    print(json.dumps(said))


def _timed(work: Any) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _judged(session: LedgerSession, *, draws: int) -> dict[str, Any]:
    (found,) = measure(session, kind=Binary(present=1), cluster="household_id", draws=draws)
    return dict(found.figures)


def _compact(place: Path, decisions: int) -> None:
    with LedgerSession(place, memory_mib=MEMORY_MIB) as session:
        for kind in KINDS:
            session.add_tail(kind, (("file", canonical_json(row)) for row in _rows(kind, decisions)))


def _rows(kind: LedgerKind, decisions: int) -> Iterator[dict[str, Any]]:
    drawn = random.Random(7)  # noqa: S311 - no secret
    for number in range(decisions):
        day = number * DAYS // decisions
        identifier = f"d1-2017{1 + day // 28:02}{1 + day % 28:02}-{number:032x}"
        at = f"2017-{1 + day // 28:02}-{1 + day % 28:02}T04:00:00.000000Z"
        score = round(drawn.random(), 6)
        match kind:
            case LedgerKind.PREDICTIONS:
                yield {
                    **{"action": "remind", "arm": "champion", "backfill": [], "baseline": number % 7, "batch": "run"},
                    **{"dataset_id": "ds-1", "decision_id": identifier, "decision_time": at, "explored": False},
                    **{"issued_at": at, "expires_at": "2018-06-01T00:00:00.000000Z", "line": "bench"},
                    **{"keys": {"household_id": number % HOUSEHOLDS, "campaign_id": day}, "policy_version": 1},
                    **{"model": {"run_id": "r", "digest": "d"}, "prior": 0.25, "propensity": 0.95, "release": "rel"},
                    **{"revision": 1, "run_id": "run", "score": score, "principal": "p", "offset": number},
                }
            case LedgerKind.DELIVERIES:
                yield {"decision_id": identifier, "revision": 1, "status": "delivered", "at": at, "run_id": "run"}
            case _:
                happened = int(drawn.random() < score)
                known = "2018-01-01T00:00:00.000000Z"
                yield {"decision_id": identifier, "value": happened, "mature_at": known, "as_of": known, "run_id": "o"}


def _by_hand(kinds: dict[LedgerKind, list[Path]]) -> str:
    """The two figures of decisions that were delivered before they expired and before their outcome was known."""
    predictions, deliveries, outcomes = (parquet_rows(kinds[kind]) for kind in KINDS)
    return f"""
WITH sent AS (
    SELECT decision_id, revision, min(left_at) AS sent_at FROM {deliveries} WHERE status = 'delivered' GROUP BY ALL
), rows AS (
    SELECT max_by(score, revision) AS score, any_value(whole) AS happened
    FROM {predictions} AS p JOIN sent USING (decision_id, revision) JOIN {outcomes} AS o USING (decision_id)
    WHERE NOT backfill AND greatest(issued_at, sent_at) < least(expires_at, mature_at) GROUP BY decision_id
), ranked AS (
    SELECT score, happened, rank() OVER (ORDER BY score) + (count(*) OVER (PARTITION BY score) - 1) / 2 AS place
    FROM rows
)
SELECT (sum(place) FILTER (happened = 1) - count(*) FILTER (happened = 1) * (count(*) FILTER (happened = 1) + 1) / 2)
        / (count(*) FILTER (happened = 1) * count(*) FILTER (happened = 0)) AS auc,
    avg(-CASE WHEN happened = 1 THEN ln(greatest(score, 1e-15)) ELSE ln(1 - least(score, 1 - 1e-15)) END) AS log_loss
FROM ranked"""


if __name__ == "__main__":
    main()
