"""The replayed year: on which days campaigns are decided, and when their outcomes are certain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from pathlib import Path

from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.features import read_columns
from assembly_line.instants import day_end, day_start

EPOCH_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One campaign that mails somebody; days are of the line's zone."""

    key: int
    start: date
    end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What happens at one instant of business time: outcomes first, then the decisions of the day that begins.

    Args:
        at: the instant.
        day: the day whose decisions are scored, if any.
        campaigns: which start on that day.
        outcomes: whether outcomes become certain.
    """

    at: datetime
    day: date | None
    campaigns: tuple[int, ...]
    outcomes: bool


def timeline(campaigns: Iterable[Campaign], *, trained_at: datetime, last: datetime, zone: str) -> list[Step]:
    """Everything between the training and the last instant, in order of business time.

    Outcomes are derived when a campaign that is scored here ends before `last`, and at `last`.
    """
    later = [campaign for campaign in campaigns if trained_at <= day_start(campaign.start, zone) < last]
    by_start = sorted(later, key=lambda campaign: (campaign.start, campaign.key))
    starts = {
        day_start(day, zone): (day, tuple(campaign.key for campaign in group))
        for day, group in groupby(by_start, key=lambda campaign: campaign.start)
    }
    ends = {end for campaign in later if (end := day_end(campaign.end, zone)) <= last} | {last}
    return [
        Step(
            at=at,
            day=starts[at][0] if at in starts else None,
            campaigns=starts[at][1] if at in starts else (),
            outcomes=at in ends,
        )
        for at in sorted(starts.keys() | ends)
    ]


def campaigns_of(line: Line, raw: Path) -> list[Campaign]:
    """The campaigns that mail somebody, from the line's raw tables.

    Args:
        line: its decision time and the end of its outcome's horizon are columns of one table, one row a campaign.
        raw: folder of `<source>.parquet`.
    """
    start, end = line.decision.time, line.outcome.until
    if end is None or not isinstance(start, StaticFeature) or end.source != start.source:
        raise ValueError(f"line {line.name}: the demo needs start and end in one table")
    (key,) = key_columns(start.by)
    table = read_columns(raw / f"{start.source.name}.parquet", [key, start.column, end.column])
    mailed = {int(value) for value in read_columns(raw / f"{line.decision.source.name}.parquet", [key])[key]}
    rows = zip(table[key], table[start.column], table[end.column], strict=True)
    every = [Campaign(key=int(value), start=_day(first), end=_day(last)) for value, first, last in rows]
    return [campaign for campaign in every if campaign.key in mailed]


def scored(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if step.day is not None]


def _day(value: date) -> date:
    if not isinstance(value, date):
        raise TypeError(f"expected a date, got {value!r}")
    return value
