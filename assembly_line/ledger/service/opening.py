"""A line's ledger opened as tables: compacted days and the tail together, each row once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assembly_line.decision_ids import day_of
from assembly_line.ledger.session import DAY, DECISIONS, LAST, LedgerSession
from assembly_line.ledger.state import LedgerState, TailFile
from assembly_line.names import LedgerKind

if TYPE_CHECKING:
    from assembly_line.storage import Account, CompactedLedger

MEMORY_MIB = 1024
# What the join of decisions reads.
JOINED = (LedgerKind.PREDICTIONS, LedgerKind.DELIVERIES, LedgerKind.FEEDBACK, LedgerKind.OUTCOMES)


class OpenLedger:
    """A session over one state of a line's ledger and its tail. It reads files in `folder` alone."""

    def __init__(
        self, session: LedgerSession, store: CompactedLedger, state: LedgerState, tail: Sequence[TailFile], folder: Path
    ) -> None:
        self.session = session
        self.state = state
        self.tail = tail
        self._store = store
        self.folder = folder
        self._fetched = 0
        self._new: dict[LedgerKind, list[str]] = {}
        self.ambiguous: list[str] = list(state.ambiguous)
        self.joined: list[str] = []

    def read_tail(self) -> list[str]:
        """Make columns of the tail's rows, and return the days of the decisions that they are about."""
        for kind in dict.fromkeys(file.kind for file in self.tail):
            self.session.add_tail(kind, self._store.rows(file for file in self.tail if file.kind == kind))
            self._new[kind] = [day for (day,) in self.session.rows(f"SELECT DISTINCT day FROM {kind} ORDER BY day")]
        return sorted({day for days in self._new.values() for day in days})

    def new_days(self, kind: LedgerKind) -> list[str]:
        """The days of decisions about which the tail has rows of this kind."""
        return self._new.get(kind, [])

    def add_days(
        self, kind: LedgerKind, days: Collection[str] | None = None, columns: Collection[str] | None = None
    ) -> None:
        """Let a kind's compacted rows of these days, or of all, be part of its table.

        Args:
            columns: those that will be read; all if None.
        """
        paths = self.fetched(kind, days, columns)
        if paths:
            self.session.add_files(kind, paths)

    def fetched(
        self, table: str, days: Collection[str] | None = None, columns: Collection[str] | None = None
    ) -> list[Path]:
        """Local copies of a table's parts of these days, or of all."""
        self._fetched += 1
        parts = self.state.of_table(table, days).values()
        return self._store.fetch(parts, self.folder / f"fetched-{self._fetched}", columns=columns)

    def join(self, touched: Sequence[str]) -> list[str]:
        """Join the decisions of the days that the tail reaches, and return those days.

        An id of an event that is used again may lie on another day: what was said there under it counts no more.
        """
        session, days = self.session, {*touched}
        days |= self.settle_names()
        for kind in JOINED:
            self.add_days(kind, days)
        self.ambiguous = session.find_ambiguous(self.ambiguous)
        self.joined = sorted(days)
        session.join(self.joined)
        return self.joined

    def settle_names(self) -> set[str]:
        """Settle under which names of the tail something else was said before, and return the days of that."""
        if not any(file.kind is LedgerKind.FEEDBACK for file in self.tail):
            return set()
        said = self.fetched(LedgerKind.FEEDBACK, columns=("decision_id", "name", "body"))
        if not said:
            return set()
        from assembly_line.features import parquet_rows

        before = f"(SELECT {DAY} AS day, name, body FROM {parquet_rows(said)})"
        again = self.session.rows(
            f"SELECT DISTINCT said.name, said.day FROM {before} AS said "
            f"JOIN {LedgerKind.FEEDBACK} AS new ON new.name = said.name WHERE new.body <> said.body"
        )
        self.ambiguous += [name for name, _ in again]
        return {day for _, day in again}

    def documents(self, kind: LedgerKind, decision_id: str) -> list[dict[str, Any]]:
        """The rows of one kind about a decision, as the ledger keeps them."""
        found = self.session.rows(f"SELECT document FROM {kind} WHERE decision_id = ?", [decision_id])
        return [json.loads(document) for (document,) in found]

    def ambiguous_events(self, decision_id: str) -> set[tuple[str, str]]:
        """Ids of events about a decision, each with its principal, under which two different things were said."""
        found = self.session.rows(
            f"SELECT DISTINCT event_id, principal FROM {LedgerKind.FEEDBACK} "
            "WHERE decision_id = ? AND list_contains(?::VARCHAR[], name)",
            [decision_id, self.ambiguous],
        )
        return {(event_id, principal) for event_id, principal in found}


@contextmanager
def opened(
    account: Account, line: str, kinds: Collection[LedgerKind], *, decided_on: str | None = None
) -> Iterator[OpenLedger]:
    """Open a line's ledger; nothing is read of it yet.

    Args:
        kinds: whose tail counts.
        decided_on: only what may be about decisions of this day (`yyyymmdd`).
    """
    store = account.compacted(line)
    state, _ = store.state()
    tail = store.tail(state, kinds, decided_on=decided_on)
    with TemporaryDirectory(prefix="ledger-") as folder, LedgerSession(Path(folder), memory_mib=MEMORY_MIB) as session:
        yield OpenLedger(session, store, state, tail, Path(folder))


@contextmanager
def opened_decisions(
    account: Account, line: str, columns: Collection[str], *, since: str = "", until: str = LAST
) -> Iterator[OpenLedger]:
    """Open the table `decisions` of a line: what is joined already, and anew the days that the tail reaches.

    Args:
        columns: those that will be read.
        since, until: instants as the ledger writes them: decisions from the one to before the other. No more is read.
    """
    first, last = (text[:10].replace("-", "") for text in (since, until))
    with opened(account, line, JOINED) as ledger:
        others = ledger.state.parts.keys() - {*ledger.join(ledger.read_tail())}
        within = [day for day in others if first <= day <= last]
        ledger.session.define_decisions(ledger.fetched(DECISIONS, within, columns), since=since, until=until)
        yield ledger


@contextmanager
def opened_decision(account: Account, line: str, decision_id: str) -> Iterator[OpenLedger]:
    """Open what a line's ledger holds of the day of one decision: of the tables that day alone, and the tail."""
    day = day_of(decision_id)
    with opened(account, line, JOINED, decided_on=day) as ledger:
        ledger.read_tail()
        ledger.settle_names()
        for kind in JOINED:
            ledger.add_days(kind, [day])
        # Of the tail all is here, so also what it says of decisions of other days under the same names.
        ledger.ambiguous = ledger.session.find_ambiguous(ledger.ambiguous)
        yield ledger


def tallied(ledger: OpenLedger) -> dict[str, int]:
    """Sums over all days of what is counted beside decisions, see `join_query.tallied`."""
    fresh: Mapping[str, Mapping[str, int]] = ledger.session.tally(ledger.joined)
    days = {**{day: one for day, one in ledger.state.tallies.items() if day not in ledger.joined}, **fresh}
    total: dict[str, int] = {}
    for figures in days.values():
        for figure, number in figures.items():
            total[figure] = total.get(figure, 0) + number
    return total
