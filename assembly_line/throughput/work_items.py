"""Work items and where their time went: at any instant an item is in one station, working or waiting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from assembly_line.throughput.station_visits import Interval, Result, Visit

NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Time:
    """How long a visit itself took, without the visits within it."""

    visit: Visit
    work: timedelta
    waiting: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One work item of a line, from its first event to its last.

    Args:
        kind: the station where it began: a training run is of `training`, although its dataset is built in `features`.
        ended: None while any of its visits goes on.
        times: the time of each visit that ended.
        current: the innermost visit that goes on.
    """

    line: str
    item: str
    kind: str
    began: datetime
    ended: datetime | None
    result: Result | None
    times: tuple[Time, ...]
    current: Visit | None

    @property
    def lead_time(self) -> timedelta | None:
        return None if self.ended is None else self.ended - self.began

    @property
    def first_pass(self) -> bool:
        """It came through at once: nothing of it failed, was sent back, or was done twice."""
        return self.result == "finished" and not any(time.visit.wasted for time in self.times)


def items(visits: Iterable[Visit]) -> list[Item]:
    """Every work item, in order of line, beginning and name."""
    ordered = sorted(visits, key=lambda visit: (visit.line, visit.item))
    found = [_item(list(group)) for _, group in groupby(ordered, key=lambda visit: (visit.line, visit.item))]
    return sorted(found, key=lambda item: (item.line, item.began, item.item))


def _item(visits: Sequence[Visit]) -> Item:
    inward = sorted(visits, key=_inward)
    first = inward[0]
    going_on = [visit for visit in inward if visit.ended is None]
    ends = [visit.ended for visit in inward if visit.ended is not None]
    # How the station where it began judged it last; if that was lost, how another one did.
    judged = sorted((visit for visit in inward if visit.result), key=lambda visit: visit.station == first.station)
    return Item(
        line=first.line,
        item=first.item,
        kind=first.station,
        began=first.began,
        ended=None if going_on else max(ends),
        result=judged[-1].result if judged and not going_on else None,
        times=tuple(_times(inward)),
        current=going_on[-1] if going_on else None,
    )


def _inward(visit: Visit) -> tuple[datetime, bool, timedelta, str]:
    """Order of nesting: what began later lies within; of two that began together the longer one encloses."""
    length = NONE if visit.ended is None else visit.began - visit.ended
    return visit.began, visit.ended is not None, length, visit.station


def _times(inward: Sequence[Visit]) -> list[Time]:
    """Attribute each moment to the innermost visit of that moment."""
    work = [NONE] * len(inward)
    waiting = [NONE] * len(inward)
    for start, end in pairwise(sorted({instant for visit in inward for instant in _instants(visit)})):
        owner = max((number for number, visit in enumerate(inward) if _covers(visit, start)), default=None)
        if owner is None:
            continue
        waits = any(_within(wait, start) for wait in inward[owner].waits)
        (waiting if waits else work)[owner] += end - start
    return [
        Time(visit=visit, work=work[number], waiting=waiting[number])
        for number, visit in enumerate(inward)
        if visit.ended is not None
    ]


def _instants(visit: Visit) -> list[datetime]:
    of_waits = [instant for wait in visit.waits for instant in (wait.start, wait.end) if instant is not None]
    return [visit.began, *([] if visit.ended is None else [visit.ended]), *of_waits]


def _covers(visit: Visit, instant: datetime) -> bool:
    return visit.began <= instant and (visit.ended is None or instant < visit.ended)


def _within(wait: Interval, instant: datetime) -> bool:
    return wait.start <= instant and (wait.end is None or instant < wait.end)
