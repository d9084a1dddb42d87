"""EventBridge's envelope around a station event, as a rule puts it on a queue."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from assembly_line.errors import MalformedMessage
from assembly_line.messages import StationEvent, parse_json
from assembly_line.names import EVENT_DETAIL_TYPE, EVENT_SOURCE
from assembly_line.requests import describe


def station_event(body: str) -> StationEvent:
    """Read the event out of a queue message.

    Raises:
        MalformedMessage: it is no envelope, of another kind of event, or a field of the event is wrong.
    """
    envelope = parse_json(body)
    if not isinstance(envelope, Mapping):
        raise MalformedMessage(f"envelope: expected a JSON object, got {type(envelope).__name__}")
    for member, expected in (("source", EVENT_SOURCE), ("detail-type", EVENT_DETAIL_TYPE)):
        if envelope.get(member) != expected:
            raise MalformedMessage(f"envelope: {member} is {envelope.get(member)!r}, expected {expected!r}")
    try:
        return StationEvent.model_validate(envelope.get("detail"))
    except ValidationError as error:
        raise MalformedMessage(f"StationEvent: {describe(error, StationEvent)}") from error
