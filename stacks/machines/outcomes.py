"""The outcomes machine: what came of the decisions that are mature, from the sources into the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stacks.machines.states import expression, invoke, machine
from stacks.machines.station_events import Announcer

LIMIT_SECONDS = 3600
DERIVE_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesParts:
    """What the machine calls."""

    derive: str


def definition(parts: OutcomesParts, announcer: Announcer) -> dict[str, Any]:
    request = {
        "run_id": expression("$states.context.Execution.Name"),
        "input": expression("$states.context.Execution.Input"),
    }
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Derive"),
        "Derive": invoke(parts.derive, request, assign="derived", then="AnnounceFinished", seconds=DERIVE_SECONDS),
        "AnnounceFinished": announcer.state("finished", then=None, output="$derived"),
    }
    return machine(
        states,
        seconds=LIMIT_SECONDS,
        comment="Mature outcomes into the ledger; asking again adds nothing",
    )
