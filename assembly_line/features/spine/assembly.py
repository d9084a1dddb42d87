"""Putting a dataset together: decisions, features, outcome, in the declared columns. The engines bring the reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from assembly_line.declarations.derived import Ratio
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.outcomes import OUTCOME_KNOWN_AT
from assembly_line.declarations.sources import Source
from assembly_line.features.kernel.expressions import expression_of
from assembly_line.features.kernel.facts import ratio_of, static_values
from assembly_line.features.kernel.window_queries import Rows
from assembly_line.features.model.workload import Keys, StaticGroup, TimedGroup, Workload, keys_of
from assembly_line.features.spine.spine import Spine
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.dataset_columns import DECISION_TIME
from assembly_line.features.values.semantics import NEVER, instants_of

Bounds = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True)
class Matched:
    """Rows of a source that belong to decisions: the code of each row's entity, and columns."""

    codes: Integers
    columns: Mapping[str, Column]


class Reader(Protocol):
    """How an engine reads sources. Keys compare exactly; a null key matches nothing."""

    def table(self, source: Source, columns: Keys) -> dict[str, Column]:
        """Every row of a source."""

    def codes(self, keys: Mapping[str, Column]) -> Integers:
        """One code >= 0 for each combination of keys, -1 where a key is null; then `matched` speaks in these codes."""

    def matched(self, source: Source, keys: Keys, columns: Keys, bounds: Bounds = (None, None)) -> Matched:
        """The rows whose keys have a code. Rows with an event time outside the bounds (microseconds) may be missing."""


def moments(static: StaticFeature, keys: Mapping[str, Column], reader: Reader) -> Column:
    """The value of a static time for each decision; null where its entity has no row."""
    names = keys_of(static.by)
    codes = reader.codes({name: keys[name] for name in names})
    rows = reader.matched(static.source, names, (static.column,))
    return static_values(codes, rows.codes, rows.columns, place=f"source {static.source.name}")[static.column]


def horizon_column(line: Line, keys: Mapping[str, Column], reader: Reader) -> Column | None:
    """The column that ends the horizon of each decision, if the line declares one."""
    return None if line.outcome.until is None else moments(line.outcome.until, keys, reader)


def static_features(group: StaticGroup, keys: Mapping[str, Column], reader: Reader) -> dict[str, Column]:
    """Values of a group's static features for each decision."""
    codes = reader.codes({name: keys[name] for name in group.keys})
    rows = reader.matched(group.source, group.keys, group.columns)
    values = static_values(codes, rows.codes, rows.columns, place=f"source {group.source.name}")
    return {name: values[feature.column] for name, feature in group.features.items()}


def timed_rows(group: TimedGroup, matched: Matched) -> Rows:
    """A group's matched rows as the kernel takes them."""
    return rows_of(group.source, matched, columns=group.columns, ties=group.ties)


def timed_columns(group: TimedGroup) -> Keys:
    """What a group's rows must carry: times and values."""
    times = [name for name in (group.source.event_time, group.source.known_time) if name is not None]
    return tuple(dict.fromkeys((*times, *group.columns)))


def rows_of(source: Source, matched: Matched, *, columns: Keys = (), ties: Keys = ()) -> Rows:
    """Rows that happened, with event and known times as instants: dates are the end of their day."""
    if source.event_time is None:
        raise ValueError(f"source {source.name} is static; expected events")
    times = instants_of(matched.columns[source.event_time], zone=source.zone, edge="end")
    known = None
    if source.known_time is not None:
        instants = instants_of(matched.columns[source.known_time], zone=source.zone, edge="end")
        known = np.where(instants.valid, instants.values, NEVER)
    rows = Rows(matched.codes, times.values, known, {name: matched.columns[name] for name in columns}, ties)
    return rows if times.valid.all() else rows.take(np.flatnonzero(times.valid))


def reach_of(group: TimedGroup, times: Integers) -> Bounds:
    """Event times that can matter to these decisions."""
    if not len(times):
        return (None, None)
    return (None if group.reach is None else int(times.min()) - group.reach, int(times.max()))


def identifying_columns(spine: Spine) -> dict[str, Column]:
    """decision_time and the keys."""
    return {DECISION_TIME: _instants(spine.times), **spine.keys}


def maturity_column(spine: Spine) -> dict[str, Column]:
    """outcome_known_at, for a training dataset."""
    return {OUTCOME_KNOWN_AT: _instants(spine.known_at)}


def _instants(micros: Integers) -> Column:
    return Column("timestamp", micros, np.ones(len(micros), np.bool_))


def add_derived(workload: Workload, values: dict[str, Column]) -> None:
    """Compute the ratios and expressions among features of at least one column that are there."""
    rows = len(next(iter(values.values()), ()))
    for name, feature in workload.derived.items():
        if isinstance(feature, Ratio):
            values[name] = ratio_of(values[feature.numerator], values[feature.denominator])
        else:
            values[name] = expression_of(feature.tree, values, rows)
