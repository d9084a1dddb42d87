"""From sources to items: each entity's rows that still matter, packed, in chunks that an item can hold.

Works on part of the entities at a time, so that memory holds one part's events whatever the size of the sources.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.features.engines.duckdb_reader import Codes
from assembly_line.features.kernel.facts import static_values
from assembly_line.features.kernel.point_in_time import History
from assembly_line.features.model.workload import Keys, StaticGroup, TimedGroup, workload_of
from assembly_line.features.online.entity_keys import entity_keys
from assembly_line.features.online.generations import Generation
from assembly_line.features.online.packing import packed
from assembly_line.features.online.pruning import bounds_from, still_needed
from assembly_line.features.online.serving import served
from assembly_line.features.spine.assembly import Bounds, Matched, timed_columns, timed_rows
from assembly_line.features.values.columns import Column, Integers
from assembly_line.features.values.ordering import different_values
from assembly_line.features.values.semantics import sight_of

# An item of DynamoDB holds 400 KB, names and keys included.
LARGEST = 300_000
MIB = 1 << 20
# As the planner counts: bytes of a value, and how often it is held at once.
BYTES_HELD = 8 * 6


class EntityReader(Protocol):
    """What is asked of a reader here: `Reader`, and every entity of a source, part by part."""

    def entities(self, source: Source, keys: Keys) -> dict[str, Column]:
        """The different combinations of keys in a source, without those that hold a null."""

    def codes(self, keys: Mapping[str, Column]) -> Integers: ...

    def matched(
        self, source: Source, keys: Keys, columns: Keys, bounds: Bounds = (None, None), codes: Codes | None = None
    ) -> Matched: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityItem:
    """One item of the online table.

    Args:
        key: of the entity, see `entity_keys`.
        chunk: 0 for the oldest rows, and so on.
        chunks: how many the entity has.
        snapshot: digest of the snapshot it comes from.
    """

    key: str
    chunk: int
    chunks: int
    snapshot: str
    content: bytes


def prepared_items(
    line: Line, generation: Generation, reader: EntityReader, *, rows: Mapping[str, int], memory_mib: int
) -> Iterator[EntityItem]:
    """Every item of a generation.

    Args:
        rows: source -> how many rows it has, by which the number of parts is chosen.
        memory_mib: what one part may take.

    Raises:
        QualityGateFailed: a static source states two values for one entity.
    """
    workload = workload_of(line, served(line))
    for timed in workload.timed:
        parts = _parts(rows[timed.source.name], len(timed_columns(timed)), memory_mib)
        yield from _timed_items(line, timed, generation, reader, parts)
    for static in workload.static:
        parts = _parts(rows[static.source.name], len(static.columns), memory_mib)
        yield from _static_items(static, generation, reader, parts)


def _parts(rows: int, columns: int, memory_mib: int) -> int:
    return max(1, -(-rows * (columns + 1) * BYTES_HELD // (memory_mib * MIB)))


def _timed_items(
    line: Line, group: TimedGroup, generation: Generation, reader: EntityReader, parts: int
) -> Iterator[EntityItem]:
    entities = _Entities.of(reader, group)
    sight = sight_of(group.source, line.decision.boundary)
    bounds = bounds_from(group, generation.served_from)
    for codes in entities.parts(parts):
        found = reader.matched(group.source, group.keys, timed_columns(group), bounds, codes)
        happened = _that_happened(group.source, found)
        rows = timed_rows(group, happened)
        history = History.of(rows)
        kept = still_needed(group, rows, history, sight, generation.served_from)
        columns = {name: column.take(history.order[kept]) for name, column in happened.columns.items()}
        yield from _items(generation, entities, history.entities[kept], columns)


def _that_happened(source: Source, found: Matched) -> Matched:
    """The rows that have an event time."""
    rows = np.flatnonzero(found.columns[source.event_time or ""].valid)
    return Matched(found.codes[rows], {name: column.take(rows) for name, column in found.columns.items()})


def _static_items(group: StaticGroup, generation: Generation, reader: EntityReader, parts: int) -> Iterator[EntityItem]:
    entities = _Entities.of(reader, group)
    for part in entities.parts(parts):
        found = reader.matched(group.source, group.keys, group.columns, codes=part)
        codes = different_values(found.codes)
        # One row for each entity; several that disagree are refused, as in a dataset.
        facts = static_values(codes, found.codes, found.columns, place=f"source {group.source.name}")
        yield from _items(generation, entities, codes, facts)


@dataclass(frozen=True, slots=True)
class _Entities:
    """The entities of a source: name of the source, their keys, and code -> position among them."""

    source: str
    keys: Mapping[str, Column]
    places: Integers

    @classmethod
    def of(cls, reader: EntityReader, group: TimedGroup | StaticGroup) -> _Entities:
        keys = reader.entities(group.source, group.keys)
        return cls(group.source.name, keys, np.argsort(reader.codes(keys)))

    def parts(self, number: int) -> Iterator[Codes]:
        """So many parts of about as many entities each, as codes."""
        edges = [len(self.places) * part // number for part in range(number + 1)]
        for first, end in pairwise(edges):
            yield Codes(first, end)

    def of_codes(self, codes: Integers) -> dict[str, Column]:
        """Keys of the entities with these codes."""
        return {name: column.take(self.places[codes]) for name, column in self.keys.items()}


def _items(
    generation: Generation, entities: _Entities, codes: Integers, columns: Mapping[str, Column]
) -> Iterator[EntityItem]:
    """Cut rows into items; `codes` are those of the rows' entities, ascending."""
    different, starts = np.unique(codes, return_index=True)
    stops = [*starts[1:].tolist(), len(codes)]
    keys = entity_keys(generation.id, entities.source, entities.of_codes(different))
    for key, start, stop in zip(keys, starts.tolist(), stops, strict=True):
        contents = list(_chunks(columns, start, stop))
        for number, content in enumerate(contents):
            yield EntityItem(
                key=key,
                chunk=number,
                chunks=len(contents),
                snapshot=generation.sources[entities.source].snapshot,
                content=content,
            )


def _chunks(columns: Mapping[str, Column], start: int, stop: int) -> Iterator[bytes]:
    """The rows packed, halved until each part fits."""
    content = packed({name: column.slice(start, stop) for name, column in columns.items()})
    if len(content) <= LARGEST or stop - start == 1:
        yield content
        return
    middle = (start + stop) // 2
    yield from _chunks(columns, start, middle)
    yield from _chunks(columns, middle, stop)
