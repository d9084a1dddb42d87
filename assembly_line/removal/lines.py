"""Takes one line away: no request for it is accepted any more, its stack goes, its history stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound, RequestRefused
from assembly_line.instants import format_instant
from assembly_line.names import ControlKey, consumer_stack, line_stack
from assembly_line.removal.keeping import Kept, of_line
from assembly_line.throughput import open_work

if TYPE_CHECKING:
    from assembly_line.storage import Account, Stack


@dataclass(frozen=True, kw_only=True)
class RemovedLine:
    """What is gone, and what stays.

    Args:
        stack: what was deleted; None if it was gone before.
        consumers: the stacks of consumers that were added beside the declaration, deleted before.
        unread: queue -> messages that went with it.
    """

    line: str
    stack: str | None
    consumers: tuple[str, ...]
    unread: Mapping[str, int]
    kept: tuple[Kept, ...]

    def document(self) -> dict[str, Any]:
        kept = [each.document() for each in self.kept]
        stacks = {"stack": self.stack, "consumers": list(self.consumers)}
        return {"line": self.line, **stacks, "unread": dict(self.unread), "kept": kept}


def remove_line(account: Account, line: str, *, by: str, now: datetime, queues: Mapping[str, str]) -> RemovedLine:
    """Refuse requests for the line from now on, and delete its stack. Ledger, registry and datasets stay.

    Repeating it after an interruption goes on with what is left, and changes nothing once the line is gone.

    Args:
        by: who removes it.
        queues: what may hold unread messages -> the queue's URL.

    Raises:
        NotFound: there is no such line here, and never was.
        RequestRefused: work of the line is open; nothing was changed.
        RunFailed: its stack would not go; the message says why.
    """
    stack = _stack_of(account, line)
    _require_known(account, line, stack)
    _require_no_open_work(account, line)
    removal = {"removed_at": format_instant(now), "removed_by": by}
    if account.control.retire_release(line, removal):
        _require_none_begun_meanwhile(account, line)
    unread: dict[str, int] = {}
    kept = of_line(account, line, account.stacks.resources(stack) if stack else [])
    added = [one for one in account.stacks.of_environment() if one.own.startswith(consumer_stack(line))]
    if stack is not None or added:
        unread = {name: account.queue(url).waiting() for name, url in queues.items()}
    # Those first: afterwards nobody looks for them.
    for one in (*added, *filter(None, [stack])):
        account.stacks.delete(one)
    return RemovedLine(
        line=line,
        stack=stack.name if stack else None,
        consumers=tuple(one.name for one in added),
        unread=unread,
        kept=kept,
    )


def _stack_of(account: Account, line: str) -> Stack | None:
    return next((stack for stack in account.stacks.of_environment() if stack.own == line_stack(line)), None)


def _require_known(account: Account, line: str, stack: Stack | None) -> None:
    items = (ControlKey.CURRENT_RELEASE, ControlKey.REMOVED)
    if stack is None and not any(account.control.read(line, item) for item in items):
        known = ", ".join(account.control.lines()) or "none"
        raise NotFound(f"line {line!r} is not deployed here; released lines: {known}")


def _require_no_open_work(account: Account, line: str) -> None:
    if found := open_work(account, line):
        told = [f"line {line!r} stays, because work of it is open:", *map(str, found)]
        raise RequestRefused("\n  ".join(told) + "\nWait for it, judge it, or stop it, then remove the line again")


def _require_none_begun_meanwhile(account: Account, line: str) -> None:
    """A request may have been accepted between the look and the retirement of the release."""
    try:
        _require_no_open_work(account, line)
    except RequestRefused:
        account.control.set_current_release(line, account.control.last_release(line))
        raise
