"""Executions of the line's machines, found by the name that a person knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.errors import NotFound
from assembly_line.stations import Machine, machines
from assembly_line.storage import Execution, execution_arn

if TYPE_CHECKING:
    from assembly_line.storage import Account


def find(account: Account, run: str) -> tuple[Machine, Execution] | None:
    """(machine, execution) of a run id or an execution's ARN; None if no machine of the line knows it."""
    name = run.rsplit(":", 1)[-1]
    for machine in machines().values():
        try:
            return machine, account.machines.describe(execution_arn(account.named(machine.parameter), name))
        except NotFound:
            continue
    return None
