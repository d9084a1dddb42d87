"""From station events to visits: one pass of one work item through one station, whatever order the events came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Literal, cast, get_args

from assembly_line.throughput.recorded import RecordedEvent

Result = Literal["finished", "failed", "sent_back"]
ENDS = get_args(Result)
# What comes first where two events of one visit carry the same instant.
RANK = {"queued": 0, "started": 1, "waiting": 2, "finished": 3, "failed": 4, "sent_back": 5}


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time; `end` is None while it lasts, `cause` where somebody said why, `queued` before any work."""

    start: datetime
    end: datetime | None
    cause: str | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One pass of an item through a station.

    Args:
        waits: when nothing was done for it: queued and not yet started, or waiting for a person.
        repeated: a later pass of the same item through the same station exists.
        followed: when a later attempt of the same item in the same station began.
    """

    line: str
    item: str
    station: str
    began: datetime
    ended: datetime | None
    result: Result | None
    waits: tuple[Interval, ...]
    repeated: bool = False
    followed: datetime | None = None

    @property
    def wasted(self) -> bool:
        """Its work has to be done again, or was: it failed, was sent back, or another pass followed."""
        return self.repeated or self.result in ("failed", "sent_back")


def visits(events: Iterable[RecordedEvent]) -> list[Visit]:
    """Every visit that the events tell of; repeated and disordered delivery changes nothing.

    Of two events with one id the earlier instant holds. A visit whose end was never announced is closed when a visit of
    the same item that encloses it ends, or when a later attempt of its own begins: a station that calls another one
    cannot end before it, and does one attempt at a time.
    """
    ordered = sorted(_distinct(events), key=_visit_key)
    found: list[Visit] = []
    for (line, item), of_item in groupby(ordered, key=lambda event: (event.line, event.item)):
        passes = [
            visit
            for station, of_station in groupby(of_item, key=lambda event: event.station)
            for visit in _passes(line, item, station, list(of_station))
        ]
        # The second time closes those that lie within one that is closed only now.
        found += _close_orphans(_close_orphans(passes))
    return found


def _distinct(events: Iterable[RecordedEvent]) -> list[RecordedEvent]:
    kept: dict[str, RecordedEvent] = {}
    for event in events:
        known = kept.get(event.id)
        if known is None or _order(event) < _order(known):
            kept[event.id] = event
    return list(kept.values())


def _order(event: RecordedEvent) -> tuple[datetime, str]:
    return event.at, event.text


def _visit_key(event: RecordedEvent) -> tuple[str, str, str, int, datetime, int, str]:
    return event.line, event.item, event.station, event.attempt, event.at, RANK[event.kind], event.id


def _passes(line: str, item: str, station: str, events: Sequence[RecordedEvent]) -> list[Visit]:
    """Split where the attempt changes, where something begins after an end, and where what was finished is sent back.

    Each time that it is sent back is a pass of its own, which takes no time: a champion may decide for months before it
    is rolled back. Whoever does that knows nothing of the attempt that finished.

    An attempt that ended while it waited goes on waiting once it is redriven: the machine enters that very state again.
    """
    finished = min((event.at for event in events if event.kind == "finished"), default=None)
    groups: list[list[RecordedEvent]] = []
    returned: list[list[RecordedEvent]] = []
    for event in events:
        if event.kind == "sent_back" and finished is not None and event.at >= finished:
            returned.append([event])
            continue
        current = groups[-1] if groups else []
        ended = any(earlier.kind in ENDS for earlier in current)
        if not current or current[0].attempt != event.attempt or (ended and event.kind not in ENDS):
            groups.append([_resumed(current, event)])
        else:
            current.append(event)
    passes = [_visit(line, item, station, group) for group in [*groups, *returned]]
    begins = [*(group[0].at for group in groups[1:]), *(None for _ in [*groups[:1], *returned])]
    return [
        replace(visit, repeated=number < len(passes) - 1, followed=followed)
        for number, (visit, followed) in enumerate(zip(passes, begins, strict=True))
    ]


def _resumed(before: Sequence[RecordedEvent], event: RecordedEvent) -> RecordedEvent:
    """The first event of a pass; as one of waiting, if it takes up the wait in which the attempt before it ended."""
    last = next((earlier for earlier in reversed(before) if earlier.kind not in ENDS), None)
    if event.kind == "started" and last is not None and last.kind == "waiting" and last.attempt < event.attempt:
        return replace(event, kind="waiting", cause=last.cause)
    return event


def _visit(line: str, item: str, station: str, events: Sequence[RecordedEvent]) -> Visit:
    # Several ends of one pass: the last one tells how it ended.
    ends = [event.kind for event in events if event.kind in ENDS]
    result = cast("Result", ends[-1]) if ends else None
    return Visit(
        line=line,
        item=item,
        station=station,
        began=events[0].at,
        ended=events[-1].at if result else None,
        result=result,
        waits=tuple(_waits(events)),
    )


def _waits(events: Sequence[RecordedEvent]) -> list[Interval]:
    """From queued to started, and from waiting to whatever follows.

    An item that was queued and ended without ever being announced as started did not wait: that event was lost. What is
    said of a wait while it lasts is the last that was said of it.
    """
    waits: list[Interval] = []
    since: RecordedEvent | None = None
    for event in events:
        if since is not None and event.kind == since.kind:
            since = replace(since, cause=event.cause or since.cause)
            continue
        if since is not None and (since.kind == "waiting" or event.kind == "started"):
            waits.append(_interval(since, event.at))
        since = event if event.kind in ("queued", "waiting") else None
    return waits if since is None else [*waits, _interval(since, None)]


def _interval(since: RecordedEvent, end: datetime | None) -> Interval:
    return Interval(since.at, end, since.cause, queued=since.kind == "queued")


def _close_orphans(passes: Sequence[Visit]) -> list[Visit]:
    closed = []
    for visit in passes:
        enclosing = [
            other.ended
            for other in passes
            if other.station != visit.station and other.ended is not None and other.began < visit.began < other.ended
        ]
        ends = enclosing if visit.followed is None else [*enclosing, visit.followed]
        if visit.ended is None and ends:
            # Clocks differ: the attempt that follows may say that it began before this one did its last.
            end = max(min(ends), visit.began, *(wait.end or wait.start for wait in visit.waits))
            waits = tuple(replace(wait, end=wait.end or end) for wait in visit.waits)
            closed.append(replace(visit, ended=end, waits=waits))
        else:
            closed.append(visit)
    return closed
