"""What feedback events say together, whatever order they came in and however often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from assembly_line.canonical import digest
from assembly_line.instants import parse_instant

RECEIPT = "receipt"
# What the collector adds to an event: how it came here, not what it says.
ARRIVAL = ("received_at", "principal", "sender", "message_id")
# Clocks of sources may run ahead by so much without being called implausible.
CLOCK_TOLERANCE = timedelta(minutes=10)

Event = Mapping[str, Any]
Topic = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Events that contradict each other about one decision; none of them is trusted."""

    decision_id: str
    kind: str
    event_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """The state that feedback events leave.

    Args:
        current: (decision_id, kind, source) -> the event that holds; absent where it was withdrawn or is in conflict.
            `source` is empty but for receipts, of which each consuming application has its own.
        duplicates: events that only repeat another one.
        conflicts: in order of decision and kind.
        withdrawn: how many topics a retraction left without an event.
    """

    current: Mapping[Topic, Event]
    duplicates: int
    conflicts: tuple[Conflict, ...]
    withdrawn: int


def fold(events: Iterable[Event]) -> Folded:
    """Fold feedback: for each decision and kind the highest `sequence` that its source gave holds, whatever clocks say.

    One event id with two bodies, or two different statements with the highest sequence, are conflicts: neither is
    trusted, and no older statement takes their place. A later statement settles it.
    """
    total = 0
    by_id: dict[str, dict[str, Event]] = defaultdict(dict)
    for event in events:
        total += 1
        bodies = by_id[event["event_id"]]
        body = _body(event)
        bodies[body] = min(event, bodies.get(body, event), key=_arrival)
    topics: dict[Topic, list[Event]] = defaultdict(list)
    for bodies in by_id.values():
        for event in bodies.values():
            topics[_topic(event)].append(event)
    ambiguous = {event_id for event_id, bodies in by_id.items() if len(bodies) > 1}
    conflicts = {
        Conflict(event["decision_id"], event["kind"], (event_id,))
        for event_id in ambiguous
        for event in by_id[event_id].values()
    }
    current: dict[Topic, Event] = {}
    withdrawn = 0
    for topic, about_it in topics.items():
        last = _last(about_it)
        if any(event["event_id"] in ambiguous for event in last):
            continue
        if len({_statement(event) for event in last}) > 1:
            conflicts.add(Conflict(topic[0], topic[1], tuple(event["event_id"] for event in last)))
        elif last[0]["retracts"]:
            withdrawn += 1
        else:
            current[topic] = last[0]
    return Folded(
        current=current,
        duplicates=total - sum(map(len, by_id.values())),
        conflicts=tuple(sorted(conflicts, key=lambda found: (found.decision_id, found.kind, found.event_ids))),
        withdrawn=withdrawn,
    )


def implausible(event: Event, *, decision_time: str) -> str | None:
    """Why an event's clock cannot be right, or None."""
    at = parse_instant(event["at"], field="at")
    if at < parse_instant(decision_time, field="decision_time"):
        return f"{event['kind']}_before_decision"
    if at > parse_instant(event["received_at"], field="received_at") + CLOCK_TOLERANCE:
        return f"{event['kind']}_clock_ahead"
    return None


def _topic(event: Event) -> Topic:
    source = event["principal"] if event["kind"] == RECEIPT else ""
    return event["decision_id"], event["kind"], source


def _last(events: Sequence[Event]) -> list[Event]:
    highest = max(event["sequence"] for event in events)
    return sorted((event for event in events if event["sequence"] == highest), key=lambda event: event["event_id"])


def _body(event: Event) -> str:
    return digest({name: value for name, value in event.items() if name not in ARRIVAL})


def _statement(event: Event) -> str:
    """What the event says of its decision, whatever it is called and whenever it was said."""
    return digest({name: value for name, value in event.items() if name not in (*ARRIVAL, "event_id", "at")})


def _arrival(event: Event) -> tuple[str, ...]:
    return tuple(str(event[name]) for name in ARRIVAL)
