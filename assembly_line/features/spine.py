"""The spine: which rows are decisions of the dataset, in which order, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.features.columns import Column, Flags, Integers
from assembly_line.features.ordering import order_of
from assembly_line.features.semantics import NEVER, instants_of, micros_of
from assembly_line.instants import to_micros


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
    """

    rows: Integers
    keys: Mapping[str, Column]
    times: Integers
    ends: Integers
    known_at: Integers
    spine_rows: int
    excluded: Mapping[str, int]
    duplicates: int


def decision_times(line: Line, moments: Column) -> Column:
    """Decision times from the declared attribute: a date is the start of its day."""
    return instants_of(moments, zone=line.decision.time.source.zone, edge="start")


def horizon_ends(line: Line, times: Column, until: Column | None) -> Column:
    """When each decision's horizon ends: a duration after it, or a declared time (a date is the end of its day)."""
    outcome = line.outcome
    if outcome.until is not None and until is not None:
        return instants_of(until, zone=outcome.until.source.zone, edge="end")
    if outcome.horizon is None:
        raise ValueError(f"{outcome.name}: expected the values of its until column")
    return Column("timestamp", times.values + micros_of(outcome.horizon), times.valid)


def maturity(line: Line, times: Column, ends: Column) -> Integers:
    """When each outcome is mature: the horizon's end and the source's delay have passed; NEVER where unknown."""
    delay = micros_of(line.outcome.source.delay) if line.outcome.source.delay is not None else 0
    return np.where(ends.valid & times.valid, np.maximum(ends.values + delay, times.values), NEVER)


@dataclass(frozen=True, slots=True)
class Observation:
    """What can be said of the outcomes of decisions.

    Args:
        ends: until when events count, microseconds.
        known_at: when the outcome is mature; NEVER where the end of its horizon is unknown.
        usable: mature at as_of and not censored: the source reaches to the end of the horizon.
    """

    ends: Integers
    known_at: Integers
    usable: Flags


def observe(line: Line, times: Column, until: Column | None, *, as_of: int, covered: datetime | None) -> Observation:
    """What can be said at as_of, where the outcome's source has events until `covered`."""
    ends = horizon_ends(line, times, until)
    known_at = maturity(line, times, ends)
    reached = to_micros(covered) if covered is not None else np.iinfo(np.int64).min
    return Observation(ends.values, known_at, np.asarray((known_at <= as_of) & (ends.values <= reached)))


def select(keys: Mapping[str, Column], times: Column, period: Period, *, observed: Observation | None) -> Spine:
    """Choose and order the decisions: by decision time, then by the keys in declared order, duplicates kept.

    Args:
        keys: key columns of the spine's table.
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
    if observed is None:
        leave_out("after_as_of", moments > period.as_of)
    else:
        leave_out("immature", ~observed.usable)
    chosen = np.flatnonzero(left)
    whole = len(chosen) == len(left)
    ranks = [(column if whole else column.take(chosen)).sort_keys() for column in keys.values()]
    order = order_of([moments if whole else moments[chosen], *ranks])
    rows = chosen[order]
    return Spine(
        rows=rows,
        keys={name: column.take(rows) for name, column in keys.items()},
        times=moments[rows],
        ends=moments[rows] if observed is None else observed.ends[rows],
        known_at=moments[rows] if observed is None else observed.known_at[rows],
        spine_rows=len(moments),
        excluded=excluded,
        duplicates=_duplicates([rank[order] for rank in ranks], moments[rows]),
    )


def _duplicates(ranks: list[Integers], times: Integers) -> int:
    same = times[1:] == times[:-1]
    for rank in ranks:
        same &= rank[1:] == rank[:-1]
    return int(same.sum())
