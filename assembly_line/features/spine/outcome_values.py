"""The outcome of decisions of which enough was observed: what the events within the horizon come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from assembly_line.declarations.features import AggregateKind
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import Outcome
from assembly_line.features.kernel.aggregates import Values, aggregate_of
from assembly_line.features.kernel.point_in_time import History, WindowQuery
from assembly_line.features.kernel.reductions import Windows
from assembly_line.features.kernel.window_queries import Decisions, Rows
from assembly_line.features.model.workload import Keys, keys_of
from assembly_line.features.spine.assembly import Matched, Reader, rows_of
from assembly_line.features.values.columns import Column, Integers, decimal_scale
from assembly_line.features.values.semantics import micros_of
from assembly_line.instants import DAY_MICROS

KINDS: Mapping[str, AggregateKind] = {"sum": "sum", "mean": "mean", "min": "min", "max": "max"}


def outcome_reads(line: Line) -> Keys:
    """Columns that are read of the outcome's source, beside the keys."""
    found = (line.outcome.source.event_time, line.outcome.column)
    return tuple(dict.fromkeys(column for column in found if column is not None))


def outcome_values(
    line: Line, keys: Mapping[str, Column], times: Integers, ends: Integers, reader: Reader
) -> dict[str, Column]:
    """The columns that state the outcome, but not when it was known.

    Args:
        ends: until when events count, microseconds.
    """
    names = keys_of(line.outcome.by)
    codes = reader.codes({name: keys[name] for name in names})
    bounds = (int(times.min()), int(ends.max())) if len(times) else (None, None)
    matched = reader.matched(line.outcome.source, names, outcome_reads(line), bounds)
    return outcome_from(line, Decisions(codes, times), ends, matched)


def outcome_from(line: Line, decisions: Decisions, ends: Integers, matched: Matched) -> dict[str, Column]:
    """`outcome_of` of rows as a reader gives them."""
    column = line.outcome.column
    rows = rows_of(line.outcome.source, matched, columns=() if column is None else (column,))
    return outcome_of(line, decisions, ends, rows)


@dataclass(frozen=True, slots=True)
class Horizons:
    """How far the horizons of decisions reach.

    Args:
        latest: for each decision the end of a horizon as long as the longest, microseconds.
        longest: microseconds.
    """

    latest: Integers
    longest: int


def horizons_of(line: Line, times: Integers, ends: Integers) -> Horizons:
    """What of the outcome's events decisions may need: those of `longest` up to `latest`.

    Args:
        times: decision times, microseconds.
        ends: until when events count, microseconds; what counts begins after the declared gap.
    """
    begins = times + micros_of(line.outcome.gap)
    longest = max(int((ends - begins).max(initial=0)), 0)
    return Horizons(begins + longest, longest)


def outcome_of(line: Line, decisions: Decisions, ends: Integers, rows: Rows) -> dict[str, Column]:
    """`outcome_values` once the events are there.

    Args:
        rows: every event of the decisions' entities within their horizons; more do no harm.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    outcome = line.outcome
    history = History(rows.entities, rows.times)
    begins = decisions.times + micros_of(outcome.gap)

    def within(since: Integers, until: Integers) -> dict[str, Column]:
        windows = history.windows(WindowQuery(decisions.entities, since, until, until))
        return _of_horizon(outcome, history, (since, until), windows, rows)

    if outcome.steps == 1 or outcome.horizon is None:
        return within(begins, np.maximum(ends, begins))
    span = micros_of(outcome.horizon)
    sinces = {name: begins + step * span for step, name in enumerate(outcome.of_steps)}
    return {name: within(since, since + span)[outcome.name] for name, since in sinces.items()}


def _of_horizon(
    outcome: Outcome, history: History, bounds: tuple[Integers, Integers], windows: Windows, rows: Rows
) -> dict[str, Column]:
    begins, ends = bounds
    if outcome.column is not None:
        values = rows.columns[outcome.column].take(history.order)
        return {outcome.name: _summary(outcome, outcome.column, values, windows)}
    seen = windows.sizes > 0
    whole = np.ones(len(seen), np.bool_)
    happened: Mapping[str, Integers | float] = {
        "count": windows.sizes, "happened": outcome.present, "time_to_event": outcome.present
    }  # fmt: skip
    found = {outcome.name: Column("int64", np.where(seen, happened[outcome.measure], outcome.absence), whole)}
    if outcome.measure == "time_to_event":
        last = np.append(history.times, 0)[np.where(seen, windows.low, len(history.times))]
        found[outcome.days] = Column("float64", (np.where(seen, last, ends) - begins) / DAY_MICROS, whole)
    return found


def _summary(outcome: Outcome, column: str, values: Column, windows: Windows) -> Column:
    """One number of the events of each window; the declared one where no event has a value."""

    def distinct() -> Integers:
        raise ValueError(f"outcome {outcome.name}: {column} is not counted")

    found = aggregate_of(f"outcome {outcome.name}", KINDS[outcome.measure], Values(values), windows, distinct)
    scale = decimal_scale(found.kind)
    absent = outcome.absence if scale is None else int(Decimal(str(outcome.absence)).scaleb(scale))
    return Column(found.kind, np.where(found.valid, found.values, absent), np.ones(len(found), np.bool_))
