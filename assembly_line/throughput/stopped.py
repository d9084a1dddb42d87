"""Executions that may not have announced their own end: what Step Functions tells of them, as a station event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.errors import MalformedMessage
from assembly_line.instants import from_micros
from assembly_line.messages import StationEvent, parse_json
from assembly_line.names import CHILD_SUFFIX, EXECUTION_DETAIL_TYPE, EXECUTION_SOURCE, STOPPED

CAUSE_LIMIT = 2000
LINE_LIMIT = 200
WORDS = {"ABORTED": "stopped", "FAILED": "failed", "TIMED_OUT": "stopped: it ran out of time"}


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


def stopped_event(envelope: Mapping[str, Any], place: Place) -> StationEvent | None:
    """The `failed` event that the execution itself would have put, under the same id; None if no work had begun.

    Raises:
        MalformedMessage: it is not about a stopped execution of this place's machines.
    """
    detail = envelope.get("detail")
    if not isinstance(detail, Mapping):
        raise MalformedMessage(f"execution status: expected a JSON object, got {type(detail).__name__}")
    try:
        return _event(envelope, detail, place)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MalformedMessage(f"execution status: {error!r} in {sorted(detail)}") from error


def _event(envelope: Mapping[str, Any], detail: Mapping[str, Any], place: Place) -> StationEvent | None:
    status, machine = str(detail["status"]), str(detail["stateMachineArn"])
    if status not in STOPPED or machine not in place.stations:
        raise MalformedMessage(
            f"execution status: {status} of {machine}, expected {' or '.join(STOPPED)} of a machine of the line"
        )
    request = _request(detail.get("input"))
    if request.get("explain") is True:  # it only asked, so no work item began
        return None
    name, station = str(detail["name"]), place.stations[machine]
    attempt = int(detail.get("redriveCount") or 0) + 1
    line = request.get("line")
    return StationEvent(
        id=f"{name}:{station}:failed:{attempt}",
        environment=place.environment,
        account=str(envelope["account"]),
        line=line[:LINE_LIMIT] if isinstance(line, str) and line else "unknown",
        station=station,
        item=name.removesuffix(CHILD_SUFFIX),
        kind="failed",
        attempt=attempt,
        at=from_micros(int(detail["stopDate"]) * 1000),
        cause=_cause(status, detail),
    )


def _request(text: object) -> Mapping[str, Any]:
    """The execution's input; EventBridge leaves out one that is large."""
    try:
        found = parse_json(text) if isinstance(text, str) else None
    except MalformedMessage:  # the execution refused it as well
        return {}
    return found if isinstance(found, dict) else {}


def _cause(status: str, detail: Mapping[str, Any]) -> str:
    return ": ".join(filter(None, (WORDS[status], detail.get("error"), detail.get("cause"))))[:CAUSE_LIMIT]
