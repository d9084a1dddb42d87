"""The online machine: features for real-time decisions, from the snapshots in force into the online table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stacks.machines.states import expression, invoke, machine
from stacks.machines.station_events import Announcer

LIMIT_SECONDS = 3600
PUBLISH_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineParts:
    """What the machine calls."""

    publish: str


def definition(parts: OnlineParts, announcer: Announcer) -> dict[str, Any]:
    request = expression("$states.context.Execution.Input")
    states = {
        "AnnounceStarted": announcer.state("queued", "started", then="Publish"),
        "Publish": invoke(parts.publish, request, assign="published", then="AnnounceFinished", seconds=PUBLISH_SECONDS),
        "AnnounceFinished": announcer.state("finished", then=None, output="$published"),
    }
    return machine(
        states,
        seconds=LIMIT_SECONDS,
        comment="Online features; publishing the same again adds nothing",
    )
