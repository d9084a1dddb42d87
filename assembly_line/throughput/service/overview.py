"""What there is: for each line its release, its champion, what waits for a review, and the latest executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.errors import NotFound
from assembly_line.names import ControlKey, is_child
from assembly_line.stations import TRAINING_RUN, Machine, machines
from assembly_line.storage import RUNNING, execution_arn

if TYPE_CHECKING:
    from assembly_line.storage import Account

SHOWN = 5
LOOKED_AT = 50


def overview(account: Account) -> dict[str, Any]:
    """Lines and executions, as JSON values."""
    return {
        "lines": [_line(account, name) for name in account.control.lines()],
        "executions": [
            {"machine": machine.name, "name": name, "status": status}
            for machine in machines().values()
            for name, status in _latest(account, machine)
        ],
    }


def _latest(account: Account, machine: Machine) -> list[tuple[str, str]]:
    """Names and statuses, the newest first. Datasets that a run had built for it are the run's own."""
    found = account.machines.recent(account.named(machine.parameter), limit=LOOKED_AT)
    return [(name, status) for name, status in found if not is_child(name)][:SHOWN]


def _line(account: Account, name: str) -> dict[str, Any]:
    control = account.control
    champion = control.read(name, ControlKey.CHAMPION) or {}
    undecided = [review["run_id"] for review in control.reviews(name) if review["state"] == "waiting"]
    ended = [run for run in undecided if _has_ended(account, run)]
    return {
        "line": name,
        "release": str((control.read(name, ControlKey.CURRENT_RELEASE) or {}).get("digest", "")),
        "champion": champion.get("run_id"),
        "promoted_at": champion.get("promoted_at"),
        "waiting_for_review": [run for run in undecided if run not in ended],
        "ended_unreviewed": ended,
    }


def _has_ended(account: Account, run: str) -> bool:
    """Whether nobody waits for the judgement any more: the run was stopped, or failed meanwhile."""
    arn = execution_arn(account.named(TRAINING_RUN.parameter), run)
    try:
        return account.machines.describe(arn).status != RUNNING
    except NotFound:
        return False
