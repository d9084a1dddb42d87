"""Executions of the line's machines, found by the name that a person knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assembly_line.errors import NotFound
from assembly_line.names import Parameter
from assembly_line.storage.services.machines import Execution, execution_arn

if TYPE_CHECKING:
    from assembly_line.storage.account import Account

MACHINES = {
    "dataset": Parameter.DATASET_MACHINE,
    "training": Parameter.TRAINING_MACHINE,
    "scoring": Parameter.SCORING_MACHINE,
    "outcomes": Parameter.OUTCOMES_MACHINE,
}


def find(account: Account, run: str) -> tuple[str, Execution] | None:
    """(machine, execution) of a run id or an execution's ARN; None if no machine of the line knows it."""
    name = run.rsplit(":", 1)[-1]
    for machine, parameter in MACHINES.items():
        try:
            return machine, account.machines.describe(execution_arn(account.named(parameter), name))
        except NotFound:
            continue
    return None
