"""Outcomes that the decision's own row states: which rows have one, which value, and from when on it is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assembly_line.declarations.outcomes import Outcome
from assembly_line.declarations.predicates import Predicate
from assembly_line.features.spine.spine import Observation
from assembly_line.features.values.columns import Column, Flags, Integers
from assembly_line.features.values.predicate_flags import rows_where, truth_of
from assembly_line.features.values.semantics import NEVER, instants_of, micros_of


def observe_own_rows(outcome: Outcome, columns: Mapping[str, Column], times: Column, *, as_of: int) -> Observation:
    """What can be said at as_of of the outcomes of decisions that stand in these rows.

    Args:
        columns: at least the outcome's own columns, of the spine's rows.
        times: decision times of the rows.
        as_of: microseconds.
    """
    value, known_at = _value(outcome, columns), _known_at(outcome, columns, times)
    known = known_at <= as_of
    chosen = _chosen(outcome, columns, len(known))
    without = ~chosen | (known & ~value.valid)
    return Observation(
        known_at,
        known_at,
        np.asarray(chosen & known & value.valid),
        without=np.asarray(without),
        values={outcome.name: value},
    )


def _chosen(outcome: Outcome, columns: Mapping[str, Column], rows: int) -> Flags:
    return np.ones(rows, np.bool_) if outcome.where is None else rows_where(outcome.where, columns)


def _known_at(outcome: Outcome, columns: Mapping[str, Column], times: Column) -> Integers:
    """When each value is known, never before its decision; NEVER where the time is null."""
    known = instants_of(columns[outcome.known or ""], zone=outcome.source.zone, edge="end")
    delay = micros_of(outcome.delay)
    # An open end of the calendar stays one.
    later = np.minimum(known.values, NEVER - delay) + delay
    return np.where(known.valid & times.valid, np.maximum(later, times.values), NEVER)


def _value(outcome: Outcome, columns: Mapping[str, Column]) -> Column:
    if isinstance(outcome.value, Predicate):
        truth = truth_of(outcome.value, columns)
        return _of_classes(outcome, truth.true, truth.true | truth.false)
    column = columns[outcome.value or ""]
    if column.kind == "boolean":
        return _of_classes(outcome, column.values.astype(np.bool_), column.valid)
    # -0.0 is 0.0.
    return Column(column.kind, column.values + 0.0, column.valid) if column.kind == "float64" else column


def _of_classes(outcome: Outcome, present: Flags, valid: Flags) -> Column:
    return Column("int64", np.where(present, outcome.present, outcome.absence), valid)
