"""When a source had events: how new it is and where it is silent, as the instant of a request knows it.

The engines read the days, the gate judges them: see `freshness_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.workload import workload_of
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.knowledge_limits import known_until
from assembly_line.features.values.semantics import instants_of, micros_of
from assembly_line.instants import to_micros

# The longest silences of a source that are kept.
LONGEST = 5
# A pause is usual up to this share of all pauses.
USUAL = 0.95
# Names of the columns of an event day.
FIRST, LAST, KNOWN = "first", "last", "known"
# Before the year 6: what lies further back has no place in the calendar that messages are written in.
EARLIEST = -62_000_000_000_000_000
Limits = Mapping[str, int]
# The earliest event time that matters, None for any, and the latest.
Span = tuple[int | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """The events of one source that were known at a request's as_of; all times in microseconds.

    Args:
        newest: the latest event time; None if there is no event.
        known: when the latest of what is known became known.
        pauses: how many stretches there are between days with events.
        median, usual: length of the median pause, and of that which is longer than nearly all others.
        gaps: (last event before, first event after), the longest of those in the time that the dataset reads. A silence
            after the last event ends with the latest decision, or with as_of where the source is known to go on later.
    """

    newest: int | None = None
    known: int | None = None
    pauses: int = 0
    median: int = 0
    usual: int = 0
    gaps: tuple[tuple[int, int], ...] = ()


class DayReader(Protocol):
    """How an engine reads on which days a source has events."""

    def days(self, source: Source, known: str | None, limits: Limits) -> dict[str, Column]:
        """For each day with events the first and the last event time and, with a known column, the latest known time.

        Args:
            known: the column that says when a row became known, if it is read.
            limits: time column -> its latest value (see `known_until`); rows beyond, and nulls, do not count.
        """


def activities(plan: Plan, times: Integers, reader: DayReader) -> dict[str, Activity]:
    """Loaded source -> when it had events, of those that features rest on, and that of a training dataset's outcome.

    Args:
        times: the decision times, microseconds.
    """
    if not len(times):
        return {}
    as_of, first, last = to_micros(plan.as_of), int(times.min()), int(times.max())
    spans: dict[str, Span] = {}
    for group in workload_of(plan.line, plan.features).timed:
        reach = group.reach if group.source.sql is None else None
        for read in group.source.loaded:
            if not read.static:
                spans[read.name] = _wider(spans.get(read.name), (None if reach is None else first - reach, last))
    # An outcome of the decision's own row has no events of its own.
    if plan.with_outcome and plan.line.outcome.value is None:
        name = plan.line.outcome.source.name
        spans[name] = _wider(spans.get(name), (first, as_of))
    return {name: _activity(plan, name, span, last, reader) for name, span in spans.items()}


def _wider(known: Span | None, other: Span) -> Span:
    if known is None:
        return other
    lower = None if known[0] is None or other[0] is None else min(known[0], other[0])
    return lower, max(known[1], other[1])


def _activity(plan: Plan, name: str, span: Span, latest_decision: int, reader: DayReader) -> Activity:
    source, part, as_of = plan.line.sources[name], plan.inputs[name], to_micros(plan.as_of)
    limits = {column: most for column, most in known_until(source, as_of, "at_or_before").items()
              if column in part.columns}  # fmt: skip
    known = source.known_time if source.known_time in limits else None
    days = {
        column: instants_of(values, zone=source.zone, edge="end").values
        for column, values in reader.days(source, known, limits).items()
    }
    latest = days[KNOWN] if known else days[LAST] + (0 if source.delay is None else micros_of(source.delay))
    # Where the source goes on after as_of a silence before is a hole, however long it lasts.
    goes_on = part.newest is not None and to_micros(part.newest) > as_of
    return activity_of(days[FIRST], days[LAST], latest, span=span, ends=as_of if goes_on else latest_decision)


def activity_of(first: Integers, last: Integers, known: Integers, *, span: Span, ends: int) -> Activity:
    """What days with events come to.

    Args:
        first, last, known: of each day with events, in any order: its first and last event, and the latest known time.
        span: event times that the dataset reads; None: from the first on.
        ends: until when a silence after the last event lasts, if it is one.
    """
    if not len(first):
        return Activity()
    order = np.argsort(first)
    starts, lasts = first[order].clip(EARLIEST), np.maximum.accumulate(last[order].clip(EARLIEST))
    lengths = starts[1:] - lasts[:-1]
    ends_of_gaps = np.append(starts[1:], max(ends, int(lasts[-1])))
    read = lasts < span[1]
    if span[0] is not None:
        read &= ends_of_gaps > span[0]
    chosen = np.flatnonzero(read)
    longest = chosen[np.argsort(lasts[chosen] - ends_of_gaps[chosen], kind="stable")[:LONGEST]]
    return Activity(
        newest=int(lasts[-1]),
        known=int(known.max()),
        pauses=len(lengths),
        median=int(np.quantile(lengths, 0.5, method="lower")) if len(lengths) else 0,
        usual=int(np.quantile(lengths, USUAL, method="lower")) if len(lengths) else 0,
        gaps=tuple((int(lasts[place]), int(ends_of_gaps[place])) for place in longest),
    )
