"""Features of any entities at any instants, from the rows that the online table holds: numpy only, no DuckDB.

The very functions that build datasets compute here, so that an answer equals the dataset's value for that decision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.errors import RequestRefused
from assembly_line.features.kernel.evaluation import evaluate
from assembly_line.features.kernel.window_queries import Decisions
from assembly_line.features.model.workload import Keys, StaticGroup, TimedGroup, Workload, workload_of
from assembly_line.features.online.entity_keys import entity_keys
from assembly_line.features.online.generations import Generation
from assembly_line.features.online.held_rows import EntityRows, HeldRows, KeyValues, key_values
from assembly_line.features.online.packing import unpacked
from assembly_line.features.online.serving import served
from assembly_line.features.spine.assembly import add_derived, reach_of, static_features, timed_columns, timed_rows
from assembly_line.features.values.columns import Column, Integers, concatenated
from assembly_line.features.values.semantics import sight_of
from assembly_line.instants import format_instant, from_micros

Group = TimedGroup | StaticGroup


class Items(Protocol):
    """Where items are read."""

    def read(self, keys: Sequence[str]) -> Mapping[str, Sequence[bytes]]:
        """Key -> chunks in order, for the keys that have an item."""


def features_of(
    line: Line,
    generation: Generation,
    items: Items,
    *,
    keys: Mapping[str, Column],
    times: Integers,
    features: Sequence[str],
) -> dict[str, Column]:
    """Value of each feature for each (entity, instant): what a decision about it at that time would have.

    An entity that is not in the table has the values of one without history.

    Args:
        keys: the key columns that the features need, of the same length as `times`; nulls match nothing.
        times: instants in microseconds.
        features: names of the line's features.

    Raises:
        RequestRefused: an instant is before the generation's first.
        ValueOutOfRange: a sum of integers does not fit in 64 bits.
    """
    if len(times) and int(times.min()) < generation.served_from:
        raise RequestRefused(
            f"at: {format_instant(from_micros(int(times.min())))} is before "
            f"{format_instant(from_micros(generation.served_from))}, from which on generation {generation.id} of line "
            f"{line.name} has what matters; build a dataset, or publish from an earlier instant with "
            "`line features publish --from`",
            where="at",
            value=format_instant(from_micros(int(times.min()))),
            expected=f"{format_instant(from_micros(generation.served_from))} or later",
        )
    workload = workload_of(line, features)
    asked = {_place(group) for group in _groups(workload)}
    held = {
        _place(group): _held(generation, group, items, {name: keys[name] for name in group.keys})
        for group in _groups(workload_of(line, served(line)))
        if _place(group) in asked
    }
    reader = HeldRows(held)
    values: dict[str, Column] = {}
    for static in workload.static:
        values |= static_features(static, keys, reader)
    for timed in workload.timed:
        values |= _timed_features(line, timed, keys, times, reader)
    add_derived(workload, values)
    return {name: values[name] for name in features}


def needed_keys(line: Line, features: Sequence[str]) -> dict[str, str]:
    """Key column -> type that these features need, in the order of the decision's keys."""
    needed = {key for group in _groups(workload_of(line, features)) for key in group.keys}
    return {name: kind for name, kind in line.decision.keys.items() if name in needed}


def sources_read(line: Line, features: Sequence[str]) -> list[str]:
    """Names of the sources behind these features."""
    return sorted({group.source.name for group in _groups(workload_of(line, features))})


def timed_sources(line: Line, features: Sequence[str]) -> list[str]:
    """Names of those of them that have events."""
    return sorted({group.source.name for group in workload_of(line, features).timed})


def _timed_features(
    line: Line, group: TimedGroup, keys: Mapping[str, Column], times: Integers, reader: HeldRows
) -> dict[str, Column]:
    decisions = Decisions(reader.codes({name: keys[name] for name in group.keys}), times)
    found = reader.matched(group.source, group.keys, timed_columns(group), reach_of(group, times))
    return evaluate(group.features, decisions, timed_rows(group, found), sight_of(group.source, line.decision.boundary))


def _groups(workload: Workload) -> list[Group]:
    return [*workload.timed, *workload.static]


def _place(group: Group) -> tuple[str, Keys]:
    return group.source.name, group.keys


def _held(generation: Generation, group: Group, items: Items, keys: Mapping[str, Column]) -> EntityRows:
    """The rows of these entities. The published group says which columns an item has, not the group that is asked."""
    rows = [place for place, values in enumerate(key_values(keys)) if None not in values]
    whole = {name: column.take(np.array(rows, np.int64)) for name, column in keys.items()}
    names: dict[str, KeyValues] = dict(
        zip(entity_keys(generation.id, group.source.name, whole), key_values(whole), strict=True)
    )
    columns = published_columns(group)
    kinds = {name: group.source.columns[name] for name in columns}
    return {names[key]: _joined(chunks, kinds) for key, chunks in items.read(list(names)).items()}


def published_columns(group: Group) -> Keys:
    """The columns that items of a group carry, in their order."""
    return timed_columns(group) if isinstance(group, TimedGroup) else group.columns


def _joined(chunks: Sequence[bytes], kinds: Mapping[str, str]) -> Mapping[str, Column]:
    parts = [unpacked(content, kinds) for content in chunks]
    if len(parts) == 1:
        return parts[0]
    return {name: concatenated(kind, [part[name] for part in parts]) for name, kind in kinds.items()}
