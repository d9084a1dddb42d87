"""The tail becomes Parquet: each row once, whatever is killed when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from assembly_line.errors import Conflict
from assembly_line.instants import format_day, format_instant
from assembly_line.ledger.service.opening import MEMORY_MIB, OpenLedger
from assembly_line.ledger.session import DECISIONS, LedgerSession
from assembly_line.ledger.state import SETTLED_DAYS, LedgerState, Part, TailFile
from assembly_line.names import LedgerKind

if TYPE_CHECKING:
    from assembly_line.storage import Account, CompactedLedger

# One step takes so much of the tail, so that its disk and its time are bounded; the next one goes on.
STEP_BYTES = 512 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Compaction:
    """What a compaction did.

    Args:
        files: of the tail that became Parquet.
        days: days of decisions that were written anew.
        generation: of the state that holds now.
    """

    files: int
    days: int
    generation: int


def compact(account: Account, line: str, now: datetime) -> Compaction:
    """Compact everything that a line's tail holds, step by step.

    A step writes parts under new names, and then one document that names them: until that is written nothing has
    changed, and from then on readers leave out the files of the tail that it covers. The catalog follows. Whoever is
    killed between two steps, or loses against another compaction, leaves files that no document names.

    Raises:
        DocumentUnreadable: a row of the tail is not what the line wrote; nothing of its step is compacted.
        Conflict: another compaction of the line goes on at the same time.
    """
    store = account.compacted(line)
    files = days = 0
    while True:
        state, tag = store.state()
        waiting = store.tail(state)
        if not waiting:
            break
        tail = _step(waiting)
        following, written = _compacted(store, state, tail, now, last=len(tail) == len(waiting))
        if not store.commit(following, tag):
            raise Conflict(
                f"ledger of line {line}: another compaction went on at the same time; its work holds, and nothing is "
                "lost: the next one takes what is left"
            )
        files, days = files + len(tail), days + len(written)
    account.ledger_catalog.publish(line, state, types=_types(), location=store.location)
    trimmed = store.discard(state, now)
    if trimmed != state:
        store.commit(trimmed, tag)
    return Compaction(files=files, days=days, generation=state.generation)


def _types() -> dict[str, dict[str, str]]:
    with (
        TemporaryDirectory(prefix="compaction-") as folder,
        LedgerSession(Path(folder), memory_mib=MEMORY_MIB) as empty,
    ):
        empty.join(())
        return {table: empty.types(table) for table in (*LedgerKind, DECISIONS)}


def _step(tail: Sequence[TailFile]) -> list[TailFile]:
    sizes = accumulate(file.bytes for file in tail)
    return [file for file, size in zip(tail, sizes, strict=True) if size - file.bytes < STEP_BYTES]


def _compacted(
    store: CompactedLedger, state: LedgerState, tail: Sequence[TailFile], now: datetime, *, last: bool
) -> tuple[LedgerState, list[str]]:
    parts: dict[str, dict[str, Part]] = defaultdict(dict)
    with TemporaryDirectory(prefix="compaction-") as folder:
        place = Path(folder)
        with LedgerSession(place, memory_mib=MEMORY_MIB) as session:
            ledger = OpenLedger(session, store, state, tail, place)
            reached = ledger.read_tail()
            ledger.add_days(LedgerKind.QUARANTINE, reached)
            joined = ledger.join(reached)
            new = {(kind, day) for kind in LedgerKind for day in ledger.new_days(kind)}
            for day in joined:
                tables = [DECISIONS, *(kind for kind in LedgerKind if (kind, day) in new)]
                for table in tables:
                    path = place / f"{table}-{day}.parquet"
                    rows = session.write_day(table, day, path)
                    parts[day][table] = store.add(table, day, path, rows=rows, generation=state.generation + 1)
                    path.unlink()
            tallies = session.tally(joined)
    following = state.after(
        parts=parts,
        tallies=tallies,
        covered=store.covered(state, tail),
        ambiguous=ledger.ambiguous,
        # Of days that are settled nobody looks for files again, so not before all of them are taken.
        settled_day=format_day(now - timedelta(days=SETTLED_DAYS)) if last else "",
        at=format_instant(now),
    )
    return following, joined
