"""Executions that did not end well, or go on again: what Step Functions tells of them, as a station event.

A machine announces what it does; that it failed, was stopped or was redriven it cannot announce itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from assembly_line.causes import readable_failure
from assembly_line.errors import MalformedMessage
from assembly_line.instants import from_micros
from assembly_line.messages import StationEvent, parse_json
from assembly_line.names import EXECUTION_DETAIL_TYPE, EXECUTION_SOURCE, RUNNING, STOPPED, work_item

CAUSE_LIMIT = 2000
LINE_LIMIT = 200
WORDS = {"ABORTED": "stopped", "FAILED": "", "TIMED_OUT": "stopped: it ran out of time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a recorder stands.

    Args:
        stations: ARN of a machine -> name of the station whose work its executions are.
    """

    environment: str
    stations: Mapping[str, str]


def tells_of_execution(envelope: Mapping[str, Any]) -> bool:
    return (envelope.get("source"), envelope.get("detail-type")) == (EXECUTION_SOURCE, EXECUTION_DETAIL_TYPE)


def execution_event(envelope: Mapping[str, Any], place: Place) -> StationEvent | None:
    """The `failed` event of an execution, or `started` of one that was redriven; None if no work had begun.

    Raises:
        MalformedMessage: it is not about such an execution of this place's machines.
    """
    detail = envelope.get("detail")
    if not isinstance(detail, Mapping):
        raise MalformedMessage.about("execution status: detail", type(detail).__name__, "a JSON object")
    try:
        return _event(envelope, detail, place)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedMessage(f"execution status: {error!r} in {sorted(detail)}") from error


def _event(envelope: Mapping[str, Any], detail: Mapping[str, Any], place: Place) -> StationEvent | None:
    status, machine, redrives = (
        str(detail["status"]),
        str(detail["stateMachineArn"]),
        int(detail.get("redriveCount") or 0),
    )
    redriven = status == RUNNING and redrives > 0
    if not (redriven or status in STOPPED) or machine not in place.stations:
        raise MalformedMessage.about(
            "execution status: status, stateMachineArn, redriveCount",
            f"{status} of {machine}, redriven {redrives} times",
            f"{' or '.join(STOPPED)} of a machine of the line, or {RUNNING} after a redrive",
        )
    request = _request(detail.get("input"))
    if request.get("explain") is True:  # it only asked, so no work item began
        return None
    name, station, line = str(detail["name"]), place.stations[machine], request.get("line")
    kind: Literal["started", "failed"] = "started" if redriven else "failed"
    return StationEvent(
        id=f"{name}:{station}:{kind}:{redrives + 1}",
        environment=place.environment,
        account=str(envelope["account"]),
        line=line[:LINE_LIMIT] if isinstance(line, str) and line else "unknown",
        station=station,
        item=work_item(name),
        kind=kind,
        attempt=redrives + 1,
        at=from_micros(int(detail["redriveDate" if redriven else "stopDate"]) * 1000),
        cause=None if redriven else _cause(status, detail),
    )


def _request(text: object) -> Mapping[str, Any]:
    """The execution's input; EventBridge leaves out one that is large."""
    try:
        found = parse_json(text) if isinstance(text, str) else None
    except MalformedMessage:  # the execution refused it as well
        return {}
    return found if isinstance(found, dict) else {}


def _cause(status: str, detail: Mapping[str, Any]) -> str:
    why = readable_failure(detail.get("error"), detail.get("cause"))
    return ": ".join(filter(None, (WORDS[status], why)))[:CAUSE_LIMIT]
