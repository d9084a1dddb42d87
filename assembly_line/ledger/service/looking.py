"""What is compacted of a line's ledger, and asking for more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.ledger.session import DECISIONS
from assembly_line.names import LedgerKind, Parameter

if TYPE_CHECKING:
    from assembly_line.storage import Account


def compacted_now(account: Account, line: str) -> dict[str, Any]:
    """Let the line's ledger be compacted, and wait for it: how many files, of how many days, in which generation.

    Raises:
        RunFailed: it could not be compacted; says why.
    """
    answer = account.functions.call(account.named(Parameter.LEDGER_FUNCTION), {"line": line})
    found: dict[str, Any] = answer["lines"][line]
    return found


def ledger_tables(account: Account, line: str) -> list[dict[str, Any]]:
    """Each table of the ledger: rows, days, files of the tail that are not in it yet, and its name in the catalog."""
    from assembly_line.storage import ledger_table

    store = account.compacted(line)
    state, _ = store.state()
    tail = store.tail(state)
    return [
        {
            "table": str(table),
            "rows": sum(part.rows for part in parts),
            "days": len(parts),
            "tail_files": sum(file.kind == table for file in tail),
            "catalog": ledger_table(line, table),
        }
        for table, parts in ((table, state.of_table(table).values()) for table in (*LedgerKind, DECISIONS))
    ]
