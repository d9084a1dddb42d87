"""Work that is going on: executions that run, those that wait for a reviewer included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from assembly_line.errors import TargetUnreachable
from assembly_line.names import review_item
from assembly_line.stations import TRAINING_RUN, Machine, machines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from assembly_line.storage import Account

WAITING = "waiting"


@dataclass(frozen=True, order=True, kw_only=True)
class OpenWork:
    """One execution that has not ended."""

    line: str
    machine: str
    run: str
    waits_for_review: bool

    def __str__(self) -> str:
        doing = "waits for a review" if self.waits_for_review else f"runs in the {self.machine} machine"
        return f"{self.line}: {self.run} {doing}"


def open_work(account: Account, line: str | None = None) -> list[OpenWork]:
    """Every execution of the environment that has not ended, or those of one line. A machine that is gone runs none."""
    found = (work for machine in machines().values() for work in _of_machine(account, machine))
    return sorted(work for work in found if line in (None, work.line))


def _of_machine(account: Account, machine: Machine) -> Iterator[OpenWork]:
    try:
        arn = account.named(machine.parameter)
    except TargetUnreachable:  # the stack of its station is not there
        return
    for execution in map(account.machines.describe, account.machines.running(arn)):
        # Whatever started it, a machine's request names its line.
        line = str(execution.request.get("line", "")) if isinstance(execution.request, dict) else ""
        yield OpenWork(
            line=line,
            machine=machine.name,
            run=execution.name,
            waits_for_review=machine == TRAINING_RUN and _waits(account, line, execution.name),
        )


def _waits(account: Account, line: str, run: str) -> bool:
    review = account.control.read(line, review_item(run))
    return review is not None and review["state"] == WAITING
