"""What became of every decision of a batch, by id, however large the batch is.

Ids are kept in a file of SQLite, so that memory does not grow with the batch.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from assembly_line.delivery.outbox import OutboundMessage
from assembly_line.delivery.report import QUARANTINED, DeliveryRecord, DeliveryReport, Fates
from assembly_line.errors import ScoringFailed
from assembly_line.names import DeliveryStatus

# Decisions that an error names.
SHOWN = 5
_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -65536;
    CREATE TABLE decision (id TEXT PRIMARY KEY, aside TEXT) WITHOUT ROWID;
    CREATE TABLE message (id TEXT, channel TEXT, status TEXT NOT NULL, reason TEXT, PRIMARY KEY (id, channel))
        WITHOUT ROWID;
"""
_STRANGERS = "SELECT DISTINCT id FROM message WHERE id NOT IN (SELECT id FROM decision)"
_ASIDE_AND_SENT = "SELECT id FROM decision WHERE aside IS NOT NULL AND id IN (SELECT id FROM message)"
_WITHHELD_AND_SENT = "SELECT DISTINCT id FROM message"
_LOST = """
    SELECT id FROM decision WHERE aside IS NULL
        AND NOT EXISTS (SELECT 1 FROM message WHERE message.id = decision.id AND channel = ?)
"""
_BY_ALL = "SELECT id FROM message WHERE status = 'delivered' GROUP BY id HAVING COUNT(*) = ?"
_REASONS = """
    SELECT aside, COUNT(*) FROM decision WHERE aside IS NOT NULL GROUP BY aside
    UNION ALL
    SELECT reason, COUNT(*) FROM (
        SELECT id, MIN(channel), reason FROM message WHERE status = 'dead_lettered' GROUP BY id
    ) GROUP BY reason
"""


@contextmanager
def accounting(folder: Path) -> Iterator[Accounting]:
    """An account of one run, kept in a file in `folder` until it is closed."""
    with closing(sqlite3.connect(folder / "accounting.sqlite")) as connection:
        connection.executescript(_TABLES)
        yield Accounting(connection)


class Accounting:
    """Takes in the decisions that a model was asked about, what was kept aside, and each channel's messages."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._fates: dict[str, Counter[str]] = {}

    def ask(self, ids: Iterable[str]) -> None:
        """Take in the decisions that the model was asked about; one that was asked twice is one decision."""
        self._connection.executemany("INSERT OR IGNORE INTO decision (id) VALUES (?)", ((one,) for one in ids))

    def keep_aside(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in the run's rows of the quarantine.

        Raises:
            ScoringFailed: a row is about a decision that nobody asked about, or one has two.
        """
        for row in rows:
            found = self._connection.execute(
                "UPDATE decision SET aside = ? WHERE id = ? AND aside IS NULL", (row["reason"], row["decision_id"])
            )
            if found.rowcount != 1:
                raise ScoringFailed(
                    f"decision {row['decision_id']} was kept aside ({row['reason']}), and is none of the batch or was "
                    "kept aside before; nothing of it was delivered; score again"
                )

    def take(self, channel: str, messages: Iterable[tuple[OutboundMessage, DeliveryRecord]]) -> None:
        """Take in messages of a channel's outbox, each with its delivery record.

        Raises:
            ScoringFailed: a record is about another decision than its message, or a channel has a decision twice.
        """
        rows = []
        for message, record in messages:
            told = (record.decision_id, record.channel)
            if told != (message.decision_id, channel):
                raise ScoringFailed(
                    f"channel {channel}: the delivery record of decision {message.decision_id} is about {told[0]} by "
                    f"{told[1]}; the ledger or the outbox was altered; bring back its earlier version"
                )
            rows.append((*told, record.status, record.reason))
        before = self._connection.total_changes
        try:
            self._connection.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError as error:
            # It stopped at the first that is there already.
            twice = rows[self._connection.total_changes - before][0]
            raise ScoringFailed(f"channel {channel}: the outbox has decision {twice} twice; expected once") from error
        self._fates.setdefault(channel, Counter()).update(status for *_, status, _ in rows)

    def channel(self, name: str) -> None:
        """Take in a channel, of which there may be no message."""
        self._fates.setdefault(name, Counter())

    def report(self, *, withheld: bool = False, unsent: Mapping[str, int] | None = None) -> DeliveryReport:
        """Add everything up.

        Args:
            withheld: nothing of the run is offered.
            unsent: channel -> messages of its outbox that have no delivery record.

        Raises:
            ScoringFailed: a decision is accounted for nowhere, twice, or was never asked about; names some.
        """
        unsent = unsent or {}
        self._none("were sent and never asked about", _STRANGERS)
        self._none("were sent and kept aside", _ASIDE_AND_SENT)
        if withheld:
            self._none("were sent, although the run is withheld", _WITHHELD_AND_SENT)
        else:
            for channel in self._fates:
                lost = self._count(_LOST, channel)
                if lost != unsent.get(channel, 0):
                    self._none(f"are accounted for nowhere by channel {channel}", _LOST, channel)
        asked = self._count("SELECT id FROM decision")
        aside = self._count("SELECT id FROM decision WHERE aside IS NOT NULL")
        dead = self._count(f"SELECT DISTINCT id FROM message WHERE status = '{DeliveryStatus.DEAD_LETTERED}'")
        waiting = self._waiting() if unsent else 0
        kept = asked - aside if withheld else 0
        reasons: Counter[str] = Counter()
        for reason, count in self._connection.execute(_REASONS):
            reasons[str(reason)] += count
        return DeliveryReport(
            offered=asked - kept,
            delivered=self._count(_BY_ALL, len(self._fates)),
            quarantined=aside,
            dead_lettered=dead,
            reasons=dict(sorted(reasons.items())),
            channels={
                name: Fates(
                    delivered=fates[DeliveryStatus.DELIVERED], dead_lettered=fates[DeliveryStatus.DEAD_LETTERED]
                )
                for name, fates in self._fates.items()
            },
            withheld=kept,
            unsent=waiting,
        )

    def _waiting(self) -> int:
        """Decisions that some channel has no record of, and that none could not deliver."""
        channels = len(self._fates)
        return self._count(
            "SELECT id FROM decision WHERE aside IS NULL AND id NOT IN "
            f"(SELECT id FROM message WHERE status = '{DeliveryStatus.DEAD_LETTERED}') AND "
            "(SELECT COUNT(*) FROM message WHERE message.id = decision.id) < ?",
            channels,
        )

    def _count(self, ids: str, *values: object) -> int:
        (found,) = self._connection.execute(f"SELECT COUNT(*) FROM ({ids})", values).fetchone()
        return int(found)

    def _none(self, what: str, ids: str, *values: object) -> None:
        count = self._count(ids, *values)
        if count:
            shown = [row[0] for row in self._connection.execute(f"{ids} ORDER BY id LIMIT {SHOWN}", values)]
            more = "" if count == len(shown) else ", ..."
            raise ScoringFailed(
                f"{count} decisions {what}: {', '.join(shown)}{more}; expected offered = delivered + {QUARANTINED} + "
                "dead-lettered; redrive the execution: what was sent already is not sent again"
            )
