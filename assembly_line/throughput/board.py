"""The board: what the line takes, where work waits, what comes back. People appear nowhere in it.

Rework tax: of all time in work, the share that has to be done again or was: visits that failed, that were sent back, or
that another pass of the same item followed. Work within such a visit that another station finished (a dataset that is
kept) is not counted as lost. Time is counted once: while a station waits for another one, only the inner one works.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import groupby
from statistics import median
from typing import Any, Literal

from assembly_line.throughput.recorded import RecordedEvent
from assembly_line.throughput.station_visits import Visit, visits
from assembly_line.throughput.work_items import Item, Time, items


@dataclass(frozen=True, slots=True, kw_only=True)
class StationMeasure:
    """What ended in one station. `seconds` is work plus waiting; the median is over its visits."""

    station: str
    visits: int
    failed: int
    sent_back: int
    in_progress: int
    work_seconds: float
    waiting_seconds: float
    seconds: float
    median_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KindMeasure:
    """Items that began in one station. Lead time runs from queued to the last end, of items that finished."""

    began_in: str
    items: int
    finished: int
    failed: int
    sent_back: int
    in_progress: int
    lead_seconds_median: float | None
    lead_seconds_longest: float | None
    first_pass_yield: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """Work in progress: since when it exists, where it is now, and why it waits where somebody said so."""

    item: str
    began_in: str
    station: str
    state: Literal["queued", "working", "waiting"]
    age_seconds: float
    state_seconds: float
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineBoard:
    """All measures of one line. Shares are None where there is nothing to take a share of."""

    line: str
    kinds: tuple[KindMeasure, ...]
    stations: tuple[StationMeasure, ...]
    open_items: tuple[OpenItem, ...]
    work_seconds: float
    waiting_seconds: float
    rework_seconds: float
    rework_tax: float | None
    first_pass_yield: float | None
    most_time_in: str | None


def boards(events: Iterable[RecordedEvent], *, now: datetime) -> list[LineBoard]:
    """One board a line, in order of name. `now` tells the age of what is in progress; events after it still count."""
    found = items(visits(events))
    return [_board(line, list(group), now) for line, group in groupby(found, key=lambda item: item.line)]


def to_json(board: LineBoard) -> dict[str, Any]:
    return asdict(board)


def _board(line: str, found: Sequence[Item], now: datetime) -> LineBoard:
    times = [time for item in found for time in item.times]
    work = sum(time.work.total_seconds() for time in times)
    rework = sum(time.work.total_seconds() for time in times if time.visit.wasted)
    going_on = [item.current for item in found if item.current]
    stations = _stations(times, going_on)
    return LineBoard(
        line=line,
        kinds=tuple(_kind(kind, [item for item in found if item.kind == kind]) for kind in _order(found)),
        stations=stations,
        open_items=tuple(_open(item, item.current, now) for item in found if item.current),
        work_seconds=work,
        waiting_seconds=sum(time.waiting.total_seconds() for time in times),
        rework_seconds=rework,
        rework_tax=rework / work if work else None,
        first_pass_yield=_yield(found),
        most_time_in=max(stations, key=lambda station: station.seconds).station if times else None,
    )


def _order(found: Sequence[Item]) -> list[str]:
    """Stations in the order in which the line's first items reached them."""
    return list(dict.fromkeys(item.kind for item in found))


def _stations(times: Sequence[Time], going_on: Sequence[Visit]) -> tuple[StationMeasure, ...]:
    every = sorted([time.visit for time in times] + list(going_on), key=lambda visit: (visit.began, visit.station))
    return tuple(
        _station(
            station,
            [time for time in times if time.visit.station == station],
            sum(visit.station == station for visit in going_on),
        )
        for station in dict.fromkeys(visit.station for visit in every)
    )


def _station(station: str, times: Sequence[Time], in_progress: int) -> StationMeasure:
    each = [(time.work + time.waiting).total_seconds() for time in times]
    return StationMeasure(
        station=station,
        visits=len(times),
        failed=sum(time.visit.result == "failed" for time in times),
        sent_back=sum(time.visit.result == "sent_back" for time in times),
        in_progress=in_progress,
        work_seconds=sum(time.work.total_seconds() for time in times),
        waiting_seconds=sum(time.waiting.total_seconds() for time in times),
        seconds=sum(each),
        median_seconds=median(each) if each else None,
    )


def _kind(kind: str, found: Sequence[Item]) -> KindMeasure:
    finished = [item for item in found if item.result == "finished"]
    leads = [lead.total_seconds() for item in finished if (lead := item.lead_time) is not None]
    return KindMeasure(
        began_in=kind,
        items=len(found),
        finished=len(finished),
        failed=sum(item.result == "failed" for item in found),
        sent_back=sum(item.result == "sent_back" for item in found),
        in_progress=sum(item.current is not None for item in found),
        lead_seconds_median=median(leads) if leads else None,
        lead_seconds_longest=max(leads) if leads else None,
        first_pass_yield=_yield(found),
    )


def _yield(found: Sequence[Item]) -> float | None:
    """Of the items that ended, the share that came through at the first pass."""
    ended = [item for item in found if item.ended is not None]
    return sum(item.first_pass for item in ended) / len(ended) if ended else None


def _open(item: Item, visit: Visit, now: datetime) -> OpenItem:
    waits = [wait for wait in visit.waits if wait.end is None]
    since = waits[0].start if waits else max([visit.began, *(wait.end for wait in visit.waits if wait.end)])
    state: Literal["queued", "working", "waiting"] = "working"
    if waits:
        state = "queued" if waits[0].queued else "waiting"
    return OpenItem(
        item=item.item,
        began_in=item.kind,
        station=visit.station,
        state=state,
        age_seconds=_age(now - item.began),
        state_seconds=_age(now - since),
        cause=waits[0].cause if waits else None,
    )


def _age(length: timedelta) -> float:
    """Clocks differ: what began after now is of age 0."""
    return max(length.total_seconds(), 0.0)
