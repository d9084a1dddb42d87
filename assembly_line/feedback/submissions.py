"""What a caller sends to the API: one to a hundred feedback events, all accepted or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assembly_line.canonical import digest
from assembly_line.declarations.lines import Line
from assembly_line.errors import MalformedMessage, NotFound, RequestRefused
from assembly_line.feedback.acceptance import undeclared
from assembly_line.messages import Feedback, feedback_from_values, feedback_schema

LARGEST = 100


def read_submission(document: object, line_of: Callable[[str], Line]) -> list[Feedback]:
    """Read `{"events": [...]}`.

    Args:
        line_of: the released line of a name; raises NotFound if there is none.

    Raises:
        RequestRefused: the document has another form, or an event is refused; the message names its index and field.
    """
    events = _events(document)
    accepted = []
    bodies: dict[str, str] = {}
    for index, values in enumerate(events):
        try:
            event = feedback_from_values(values)
            problem = undeclared(event, line_of(event.line))
        except (MalformedMessage, NotFound) as error:
            raise RequestRefused(f"events.{index}: {error}") from error
        if problem is not None:
            raise RequestRefused(
                f"events.{index}: {problem[1]}", where=f"events.{index}", value=problem[0], expected=problem[1]
            )
        body = digest(event.to_values())
        if bodies.setdefault(event.event_id, body) != body:
            raise RequestRefused(
                f"events.{index}: event_id {event.event_id!r} appears twice with different contents",
                where=f"events.{index}.event_id",
                value=repr(event.event_id),
                expected="one content for each id",
            )
        accepted.append(event)
    return accepted


def _events(document: object) -> list[Any]:
    if not isinstance(document, Mapping) or set(document) != {"events"}:
        found = str(sorted(map(str, document))) if isinstance(document, Mapping) else type(document).__name__
        raise RequestRefused(
            f'body: expected {{"events": [...]}} and nothing else, got {found}',
            where="body",
            value=found,
            expected='{"events": [...]} and nothing else',
        )
    events = document["events"]
    if not isinstance(events, list) or not 1 <= len(events) <= LARGEST:
        found = f"{len(events)}" if isinstance(events, list) else type(events).__name__
        raise RequestRefused(
            f"events: expected a list of 1 to {LARGEST} events, got {found}",
            where="events",
            value=found,
            expected=f"a list of 1 to {LARGEST} events",
        )
    return events


def submission_schema() -> dict[str, Any]:
    """The JSON Schema of such a document."""
    events = feedback_schema()
    definitions = events.pop("$defs", {})
    return {
        "type": "object",
        "title": "Submission",
        "properties": {"events": {"type": "array", "minItems": 1, "maxItems": LARGEST, "items": events}},
        "required": ["events"],
        "additionalProperties": False,
        "$defs": definitions,
    }
