"""What feedback events say together, whatever order they came in and however often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_never

from assembly_line.canonical import digest
from assembly_line.instants import parse_instant
from assembly_line.names import FeedbackKind

# What the collector adds to an event: how it came here, not what it says.
ARRIVAL = ("received_at", "principal", "sender", "message_id")
# Clocks of sources may run ahead by so much without being called implausible.
CLOCK_TOLERANCE = timedelta(minutes=10)

Event = Mapping[str, Any]
Topic = tuple[str, str, str]
# An event id and the principal that gave it.
Named = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Events that contradict each other about one decision; none of them is trusted.

    Args:
        principals: who said them, one for each id; empty where nobody did, as between two predictions.
    """

    decision_id: str
    kind: str
    event_ids: tuple[str, ...]
    principals: tuple[str, ...] = ()


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


def fold(events: Iterable[Event], also_ambiguous: Set[Named] = frozenset()) -> Folded:
    """Fold feedback: for each decision and kind the highest `sequence` that a source gave holds, whatever clocks say.

    An event id belongs to the principal that gave it, and a retraction withdraws what its own principal said, nobody
    else's. One id of one principal with two bodies, or two different statements with the highest sequence, are
    conflicts: neither is trusted, and no older statement takes their place. A later statement settles it.

    Args:
        also_ambiguous: ids, each with its principal, under which something else was said that is not among the events.
    """
    events = list(events)
    by_id = _said(events)
    topics: dict[Topic, list[Event]] = defaultdict(list)
    for bodies in by_id.values():
        for event in bodies:
            topics[_topic(event)].append(event)
    ambiguous = {named for named, bodies in by_id.items() if len(bodies) > 1 or named in also_ambiguous}
    conflicts = {_conflict([event]) for named in ambiguous for event in by_id[named]}
    current: dict[Topic, Event] = {}
    withdrawn = 0
    for topic, about_it in topics.items():
        last = _last(about_it, ambiguous)
        if not last:
            withdrawn += 1
        elif any(named(event) in ambiguous for event in last):
            continue
        elif len(last) > 1 and len(set(map(_statement, last))) > 1:
            conflicts.add(_conflict(last))
        else:
            current[topic] = last[0]
    return Folded(
        current=current,
        duplicates=len(events) - sum(map(len, by_id.values())),
        conflicts=tuple(sorted(conflicts, key=lambda one: (one.decision_id, one.kind, one.event_ids, one.principals))),
        withdrawn=withdrawn,
    )


def ambiguous_names(events: Iterable[Event]) -> set[Named]:
    """The event ids, each with its principal, under which two different things were said."""
    return {name for name, bodies in _said(events).items() if len(bodies) > 1}


def _said(events: Iterable[Event]) -> dict[Named, list[Event]]:
    """The different things that were said under each id of a principal; of those that repeat, the first to arrive."""
    by_id: dict[Named, list[Event]] = defaultdict(list)
    for event in events:
        by_id[named(event)].append(event)
    return {name: _different(said) for name, said in by_id.items()}


def _different(said: list[Event]) -> list[Event]:
    if len(said) == 1:  # nearly always; a digest of each would take most of the time
        return said
    bodies: dict[str, Event] = {}
    for event in said:
        body = _body(event)
        bodies[body] = min(event, bodies.get(body, event), key=_arrival)
    return list(bodies.values())


def principal_of(event: Event) -> str:
    """Who said it; the queue's sender where nobody was named."""
    return str(event.get("principal") or event.get("sender") or "")


def implausible(event: Event, *, decision_time: str) -> str | None:
    """Why an event's clock cannot be right, or None."""
    at = parse_instant(event["at"], field="at")
    if at < parse_instant(decision_time, field="decision_time"):
        return f"{event['kind']}_before_decision"
    if at > parse_instant(event["received_at"], field="received_at") + CLOCK_TOLERANCE:
        return f"{event['kind']}_clock_ahead"
    return None


def _topic(event: Event) -> Topic:
    return event["decision_id"], event["kind"], _source(event)


def _source(event: Event) -> str:
    kind = FeedbackKind(event["kind"])
    match kind:
        case FeedbackKind.RECEIPT:
            return principal_of(event)
        case FeedbackKind.OVERRIDE | FeedbackKind.OUTCOME:
            return ""
        case _:
            assert_never(kind)


def _last(events: Sequence[Event], ambiguous: Set[Named]) -> list[Event]:
    """The events with the highest sequence, in order, but for those of principals whose last word is a retraction."""
    by_principal: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_principal[principal_of(event)].append(event)
    words = map(_highest, by_principal.values())
    standing = [event for last in words if not _withdraws(last, ambiguous) for event in last]
    return sorted(_highest(standing), key=named)


def _highest(events: Sequence[Event]) -> list[Event]:
    highest = max((event["sequence"] for event in events), default=0)
    return [event for event in events if event["sequence"] == highest]


def _withdraws(events: Sequence[Event], ambiguous: Set[Named]) -> bool:
    """Whether a principal's last events all retract; an ambiguous id is not trusted with that either."""
    return all(event["retracts"] and named(event) not in ambiguous for event in events)


def named(event: Event) -> Named:
    """The event's id, and whose it is."""
    return event["event_id"], principal_of(event)


def _conflict(events: Sequence[Event]) -> Conflict:
    return Conflict(
        events[0]["decision_id"],
        events[0]["kind"],
        tuple(event["event_id"] for event in events),
        tuple(principal_of(event) for event in events),
    )


def _body(event: Event) -> str:
    return digest({name: value for name, value in event.items() if name not in ARRIVAL})


def _statement(event: Event) -> str:
    """What the event says of its decision, whatever it is called and whenever it was said."""
    return digest({name: value for name, value in event.items() if name not in (*ARRIVAL, "event_id", "at")})


def _arrival(event: Event) -> tuple[str, ...]:
    return tuple(str(event.get(name)) for name in ARRIVAL)
