"""The tables machine: a line's materialised tables, as often as the line says, after those that wait before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assembly_line.names import TablesArgument
from stacks.machines.states import expression, machine, run_glue_job
from stacks.machines.station_events import Announcer

# What waiting for other lines' runs takes beside the run.
WAITING_SECONDS = 3600
INPUT = "$states.context.Execution.Input"


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesParts:
    """The Glue job's name and time limit."""

    glue_job: str
    minutes: int


def definition(parts: TablesParts, announcer: Announcer) -> dict[str, Any]:
    arguments = {
        f"--{TablesArgument.LINE}": expression(f"{INPUT}.line"),
        f"--{TablesArgument.TABLES}": expression(f"{INPUT}.tables"),
    }
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Refresh"),
        "Refresh": run_glue_job(parts.glue_job, arguments, then="AnnounceFinished", minutes=parts.minutes),
        "AnnounceFinished": announcer.state("finished", then=None, output=f"{{'line': {INPUT}.line}}"),
    }
    seconds = 2 * parts.minutes * 60 + WAITING_SECONDS
    return machine(states, seconds=seconds, comment="Materialised tables; what is up to date is left as it is")
