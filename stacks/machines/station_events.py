"""States that announce what happened to a work item: station events, straight from the machine onto the line's bus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.messages import STATION_EVENT_SCHEMA
from assembly_line.names import CHILD_RUN, EVENT_DETAIL_TYPE, EVENT_SOURCE
from stacks.machines.states import State, expression, retry, task

CAUSE_LIMIT = 2000

_RUN = "$states.context.Execution.Name"
# A dataset that is built for a run belongs to the run's work item.
_ITEM = f"$replace({_RUN}, /{CHILD_RUN}/, '')"
# How often the execution was redriven; the context knows it from the first redrive on.
REDRIVES = "($exists($states.context.Execution.RedriveCount) ? $states.context.Execution.RedriveCount : 0)"
_ATTEMPT = f"{REDRIVES} + 1"
# A request that is refused may lack its line; that it failed is told all the same.
_LINE = (
    "($line := $states.context.Execution.Input.line; "
    "$type($line) = 'string' and $line != '' ? $substring($line, 0, 200) : 'unknown')"
)
# Instants have microseconds; Step Functions knows milliseconds.
_STARTED = "$replace($fromMillis($toMillis($states.context.Execution.StartTime)), 'Z', '000Z')"
_NOW = "$replace($now(), 'Z', '000Z')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Announces the work of one station. `bus` and `account` may be unresolved CDK tokens."""

    station: str
    environment: str
    account: str
    bus: str

    def state(
        self,
        *kinds: str,
        then: str | None,
        output: str | None = None,
        principal: str | None = None,
        cause: str | None = None,
        part: str | None = None,
    ) -> State:
        """Put one event of each kind onto the bus.

        Args:
            then: the next state; None ends the execution.
            output: JSONata of the state's output.
            principal: JSONata of whose doing it is.
            cause: JSONata of why.
            part: JSONata that tells the event from others of its kind in one attempt.
        """
        more = {name: given for name, given in (("principal", principal), ("cause", cause)) if given is not None}
        return task(
            "events:putEvents",
            {"Entries": [self._entry(kind, part, more) for kind in kinds]},
            then=then,
            seconds=60,
            # An event's id is the same each time it is put, so putting it again does no harm whatever went wrong.
            retries=[retry("States.TaskFailed", "States.Timeout", attempts=4)],
            output=None if output is None else expression(output),
        )

    def _entry(self, kind: str, part: str | None, more: Mapping[str, str]) -> dict[str, Any]:
        return {
            "EventBusName": self.bus,
            "Source": EVENT_SOURCE,
            "DetailType": EVENT_DETAIL_TYPE,
            "Detail": self._detail(kind, part, more),
        }

    def _detail(self, kind: str, part: str | None, more: Mapping[str, str]) -> dict[str, Any]:
        which = f"$string({_ATTEMPT})" + (f" & ':' & {part}" if part else "")
        return {
            "schema": STATION_EVENT_SCHEMA,
            "version": 1,
            "id": expression(f"{_RUN} & ':{self.station}:{kind}:' & {which}"),
            "environment": self.environment,
            "account": self.account,
            "line": expression(_LINE),
            "station": self.station,
            "item": expression(_ITEM),
            "kind": kind,
            "attempt": expression(_ATTEMPT),
            "at": expression(_STARTED if kind == "queued" else _NOW),
            **{name: expression(f"$substring({given}, 0, {CAUSE_LIMIT})") for name, given in more.items()},
        }
