"""A line's ledger as tables, from rows at hand."""

from __future__ import annotations

import json
import shutil
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from assembly_line.feedback.history import History
from assembly_line.ledger import LedgerSession
from assembly_line.names import LedgerKind

Row = Mapping[str, Any]
JOINED = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.FEEDBACK, LedgerKind.OUTCOMES)


class JoinedLedger(LedgerSession):
    """Rows of each kind, joined. Its files go with it."""

    def __init__(
        self,
        predictions: Iterable[Row] = (),
        deliveries: Iterable[Row] = (),
        feedback: Iterable[Row] = (),
        outcomes: Iterable[Row] = (),
    ) -> None:
        place = Path(mkdtemp(prefix="ledger-"))
        weakref.finalize(self, shutil.rmtree, place)
        super().__init__(place, memory_mib=200)
        for kind, rows in zip(JOINED, (predictions, deliveries, feedback, outcomes), strict=True):
            self.add_tail(kind, [("file", _text(row)) for row in rows])
        days = [day for (day,) in self.rows(" UNION ".join(f"SELECT day FROM {kind}" for kind in JOINED))]
        self.find_ambiguous()
        self.join(days)


def counts_of(history: History) -> dict[str, int]:
    """What the join by rows comes to, summed over all decisions."""
    decisions = history.decisions
    return {
        "decisions": len(decisions),
        "delivered": sum(one.delivered for one in decisions),
        "in_force": sum(one.in_force for one in decisions),
        "backfills": sum(bool(one.backfills) for one in decisions),
        "overrides": sum(one.override is not None for one in decisions),
        "hindsight": sum(one.hindsight for one in decisions),
        "confirmed": sum(one.confirmation is not None for one in decisions),
        "receipts": sum(bool(one.receipts) for one in decisions),
        "outcomes": sum(one.outcome is not None for one in decisions),
        "flagged": sum(bool(one.flags) for one in decisions),
        "parked": len(history.parked),
        "conflicts": len(history.conflicts),
        "duplicates": history.duplicates,
        "withdrawn": history.withdrawn,
    }


def _text(row: Row) -> bytes:
    # As the line writes it; a test may try what is no JSON.
    return json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
