"""EventBridge's envelopes as rules put them on the queue: of a station event, and of an execution that was stopped."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping

from assembly_line.errors import MalformedMessage
from assembly_line.messages import StationEvent, parse_json
from assembly_line.names import EVENT_DETAIL_TYPE, EVENT_SOURCE
from assembly_line.throughput.stopped import Place, execution_event, tells_of_execution


def station_event(body: str, place: Place) -> StationEvent | None:
    """Read the event out of a queue message. None if it tells of an execution that was no work.

    Raises:
        MalformedMessage: it is no envelope, of another kind of event, or a field of the event is wrong.
    """
    envelope = parse_json(body)
    if not isinstance(envelope, Mapping):
        raise MalformedMessage(f"envelope: expected a JSON object, got {type(envelope).__name__}")
    if tells_of_execution(envelope):
        return execution_event(envelope, place)
    kind, expected = (envelope.get("source"), envelope.get("detail-type")), (EVENT_SOURCE, EVENT_DETAIL_TYPE)
    if kind != expected:
        raise MalformedMessage.about("envelope: source, detail-type", reprlib.repr(kind), repr(expected))
    detail = envelope.get("detail")
    if not isinstance(detail, Mapping):
        raise MalformedMessage.about("envelope: detail", type(detail).__name__, "a station event")
    return StationEvent.from_values(detail)
