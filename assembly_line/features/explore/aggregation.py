"""The rows of an aggregate table from the events of its source, by the arithmetic of features: as exact as they."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from assembly_line.declarations.entities import key_columns
from assembly_line.declarations.explore.tables import PERIOD, AggregateTable, Measure
from assembly_line.features.explore.periods import period_starts
from assembly_line.features.kernel.aggregates import Values, aggregate_of
from assembly_line.features.kernel.point_in_time import distinct_in
from assembly_line.features.kernel.reductions import Windows
from assembly_line.features.values.columns import Column, Integers, decimal_scale
from assembly_line.features.values.ordering import order_of


def columns_read(table: AggregateTable) -> dict[str, str]:
    """Column -> type of the source's columns that the table is made of."""
    asked = {table.source.event_time, *table.groups, *(one.column for one in table.measures.values())}
    return {name: kind for name, kind in table.source.columns.items() if name in asked}


def columns_written(table: AggregateTable) -> dict[str, str]:
    """Column -> type of the table, in order."""
    groups = {name: table.source.columns[name] for name in table.groups}
    return {**groups, PERIOD: "date", **{name: _kind(table, one) for name, one in table.measures.items()}}


def with_periods(table: AggregateTable, events: Mapping[str, Column]) -> dict[str, Column]:
    """The events that are in a group, with the period of each."""
    starts = period_starts(events[table.source.event_time or ""], table.period, table.zone)
    keys = key_columns(table.by)
    kept = np.flatnonzero(np.logical_and.reduce([starts.valid, *(events[key].valid for key in keys)]))
    return {PERIOD: starts.take(kept), **{name: column.take(kept) for name, column in events.items()}}


def aggregated(table: AggregateTable, events: Mapping[str, Column]) -> dict[str, Column]:
    """One row for each group, in order of period and group.

    Args:
        events: what `with_periods` gave; every event of a group is among them.

    Raises:
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    ranks = [events[name].sort_keys() for name in (PERIOD, *table.groups)]
    order = order_of(ranks) if len(ranks[0]) else np.empty(0, np.int64)
    new = np.ones(len(order), np.bool_)
    if len(order):
        new[1:] = np.logical_or.reduce([rank[order][1:] != rank[order][:-1] for rank in ranks])
    starts = np.flatnonzero(new)
    windows = Windows(starts, np.append(starts[1:], len(order)) if len(starts) else starts)
    owner = np.cumsum(new) - 1
    found = {name: events[name].take(order[starts]) for name in (*table.groups, PERIOD)}
    for name, one in table.measures.items():
        column = None if one.column is None else events[one.column].take(order)
        found[name] = _measured(f"table {table.name}: {name}", one, column, windows, owner)
    return found


def _measured(place: str, measure: Measure, column: Column | None, windows: Windows, owner: Integers) -> Column:
    def distinct() -> Integers:
        if column is None:
            raise ValueError(f"{place}: distinct takes a column")
        return distinct_in(column.ranks()[column.valid], owner[column.valid], len(windows.low))

    return aggregate_of(place, measure.kind, None if column is None else Values(column), windows, distinct)


def _kind(table: AggregateTable, measure: Measure) -> str:
    if measure.column is None or measure.kind == "distinct":
        return "int64"
    if measure.kind == "mean":
        return "float64"
    if measure.kind in ("sum", "min", "max"):
        kind = table.source.columns[measure.column]
        scale = decimal_scale(kind)
        return f"decimal(38,{scale})" if measure.kind == "sum" and scale is not None else kind
    raise TypeError(f"table {table.name}: {measure.kind} is no measure")
