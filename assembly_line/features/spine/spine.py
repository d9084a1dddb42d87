"""The spine: which rows are decisions of the dataset, in which order, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.features.values.columns import Column, Flags, Integers
from assembly_line.features.values.ordering import order_of
from assembly_line.features.values.semantics import NEVER, instants_of, micros_of
from assembly_line.instants import LAST_MICROS, to_micros


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Which decisions a dataset is about, in microseconds; None where open."""

    since: int | None
    until: int | None
    as_of: int
    history_since: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spine:
    """The decisions of a dataset.

    Args:
        rows: positions in the spine's table, in output order.
        keys: key column -> values in output order.
        times: decision times, microseconds.
        ends: ends of the horizons, microseconds; only where outcomes are asked for.
        known_at: when the outcomes were mature, microseconds; likewise.
        spine_rows: rows of the spine's table.
        excluded: reason -> rows left out; each row is counted once, under the first reason that applies.
        duplicates: rows whose keys and time equal those of the row before.
        outcome: columns that state the outcome, where the decisions' own rows do.
    """

    rows: Integers
    keys: Mapping[str, Column]
    times: Integers
    ends: Integers
    known_at: Integers
    spine_rows: int
    excluded: Mapping[str, int]
    duplicates: int
    outcome: Mapping[str, Column] = field(default_factory=dict)

    def only(self, places: Integers, reason: str) -> Spine:
        """The decisions at these places, in order; the others are left out for this reason."""
        keys = {name: column.take(places) for name, column in self.keys.items()}
        times = self.times[places]
        return Spine(
            rows=self.rows[places],
            keys=keys,
            times=times,
            ends=self.ends[places],
            known_at=self.known_at[places],
            spine_rows=self.spine_rows,
            excluded={**self.excluded, reason: len(self.times) - len(times)},
            duplicates=_duplicates([column.sort_keys() for column in keys.values()], times),
            outcome={name: column.take(places) for name, column in self.outcome.items()},
        )


def horizon_ends(line: Line, times: Column, until: Column | None) -> Column:
    """When each decision's horizon ends: a duration after decision and gap, or a declared time (a date: its end)."""
    outcome = line.outcome
    if outcome.until is not None and until is not None:
        return instants_of(until, zone=outcome.until.source.zone, edge="end")
    if outcome.span is None:
        raise ValueError(f"{outcome.name}: expected the values of its until column")
    return Column("timestamp", times.values + micros_of(outcome.gap) + micros_of(outcome.span), times.valid)


def maturity(line: Line, times: Column, ends: Column) -> Integers:
    """When each outcome is mature: the horizon's end and the source's delay have passed.

    NEVER where that is unknown, or after the last instant that has a date.
    """
    at = np.maximum(ends.values + _delay(line), times.values)
    return np.where(ends.valid & times.valid & (at <= LAST_MICROS), at, NEVER)


def _delay(line: Line) -> int:
    return micros_of(line.outcome.source.delay) if line.outcome.source.delay is not None else 0


@dataclass(frozen=True, slots=True)
class Observation:
    """What can be said of the outcomes of decisions.

    Args:
        ends: until when events count, microseconds.
        known_at: when what is said of the outcome is mature; NEVER where the end of its horizon is unknown.
        usable: mature at as_of, and the source reaches to the end of the horizon; for a time to the event: something
            was observed of it at all.
        without: decisions that have no outcome, now or later; None where every decision has one.
        values: columns that state the outcome, where the decisions' own rows do.
    """

    ends: Integers
    known_at: Integers
    usable: Flags
    without: Flags | None = None
    values: Mapping[str, Column] = field(default_factory=dict)


def observe(line: Line, times: Column, until: Column | None, *, as_of: int, covered: datetime | None) -> Observation:
    """What can be said at as_of, where the outcome's source has events until `covered`."""
    if line.outcome.measure == "time_to_event":
        return _censored(line, times, horizon_ends(line, times, until), as_of=as_of, reached=_reached(covered))
    return observe_whole(line, times, until, as_of=as_of, covered=covered)


def observe_whole(
    line: Line, times: Column, until: Column | None, *, as_of: int, covered: datetime | None
) -> Observation:
    """The same, where an outcome counts only once its whole horizon was observed, be it a time to the event."""
    ends = horizon_ends(line, times, until)
    known_at = maturity(line, times, ends)
    return Observation(ends.values, known_at, np.asarray((known_at <= as_of) & (ends.values <= _reached(covered))))


def _reached(covered: datetime | None) -> int:
    return to_micros(covered) if covered is not None else int(np.iinfo(np.int64).min)


def _censored(line: Line, times: Column, ends: Column, *, as_of: int, reached: int) -> Observation:
    """Each decision as far as it was observed: to the end of its horizon, to what was known at as_of and is there."""
    until = Column("timestamp", np.minimum(ends.values, min(as_of - _delay(line), reached)), ends.valid)
    begins = times.values + micros_of(line.outcome.gap)
    known_at = maturity(line, times, until)
    usable = (until.values > begins) & (known_at <= as_of)
    return Observation(until.values, known_at, np.asarray(usable))


def select(
    keys: Mapping[str, Column],
    times: Column,
    period: Period,
    *,
    known: Integers | None = None,
    observed: Observation | None,
) -> Spine:
    """Choose and order the decisions: by decision time, then by the keys in declared order, duplicates kept.

    Args:
        keys: key columns of the spine's table.
        known: from when on each row was known, for the spine's that are events.
        observed: what is known of the outcomes, for a training dataset; None for scoring.
    """
    moments = times.values
    left = np.ones(len(moments), np.bool_)
    excluded: dict[str, int] = {}

    def leave_out(reason: str, rows: Flags) -> None:
        excluded[reason] = int((left & rows).sum())
        left[rows] = False

    leave_out("without_time", ~times.valid)
    outside = np.zeros(len(moments), np.bool_)
    if period.since is not None:
        outside |= moments < period.since
    if period.until is not None:
        outside |= moments >= period.until
    leave_out("outside_period", outside)
    if period.history_since is not None:
        leave_out("before_history", moments < period.history_since)
    if known is not None:
        leave_out("not_yet_known", known > period.as_of)
    if observed is None:
        leave_out("after_as_of", moments > period.as_of)
    else:
        if observed.without is not None:
            leave_out("no_outcome", observed.without)
        leave_out("immature", ~observed.usable)
    chosen = np.flatnonzero(left)
    whole = len(chosen) == len(left)
    ranks = [(column if whole else column.take(chosen)).sort_keys() for column in keys.values()]
    ties = [] if observed is None else _ties(observed, chosen)
    order = order_of([moments if whole else moments[chosen], *ranks, *ties])
    rows = chosen[order]
    decided = moments[rows]
    return Spine(
        rows=rows,
        keys={name: column.take(rows) for name, column in keys.items()},
        times=decided,
        ends=decided if observed is None else observed.ends[rows],
        known_at=decided if observed is None else observed.known_at[rows],
        spine_rows=len(moments),
        excluded=excluded,
        duplicates=_duplicates([rank[order] for rank in ranks], decided),
        outcome={} if observed is None else {name: column.take(rows) for name, column in observed.values.items()},
    )


def _ties(observed: Observation, chosen: Integers) -> list[Integers]:
    """What orders rows of one decision whose own outcomes differ, so that no order of files does."""
    if not observed.values:
        return []
    return [*(column.take(chosen).sort_keys() for column in observed.values.values()), observed.known_at[chosen]]


def _duplicates(ranks: list[Integers], times: Integers) -> int:
    same = times[1:] == times[:-1]
    for rank in ranks:
        same &= rank[1:] == rank[:-1]
    return int(same.sum())
