"""The rows of a few entities, as items of the online table held them, behind the reader that engines bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from assembly_line.declarations.sources import Source
from assembly_line.features.model.workload import Keys
from assembly_line.features.spine.assembly import Bounds, Matched
from assembly_line.features.values.columns import Column, Integers, concatenated

# A value of each key column, in declared order; None where null.
KeyValues = tuple[int | str | bool | None, ...]
EntityRows = Mapping[KeyValues, Mapping[str, Column]]


class HeldRows:
    """A `Reader` over rows in memory.

    Args:
        rows: (source, key columns) -> entity -> its rows, only of entities that have any.
    """

    def __init__(self, rows: Mapping[tuple[str, Keys], EntityRows]) -> None:
        self._rows = rows
        self._asked: dict[Keys, list[KeyValues]] = {}

    def table(self, source: Source, columns: Keys) -> dict[str, Column]:
        raise ValueError(f"source {source.name}: the online table holds rows of entities, not columns {columns}")

    def codes(self, keys: Mapping[str, Column]) -> Integers:
        numbers: dict[KeyValues, int] = {}
        codes = [-1 if None in values else numbers.setdefault(values, len(numbers)) for values in key_values(keys)]
        self._asked[tuple(keys)] = list(numbers)
        return np.array(codes, np.int64)

    def matched(self, source: Source, keys: Keys, columns: Keys, _bounds: Bounds = (None, None)) -> Matched:
        entities = self._rows.get((source.name, keys), {})
        found = [(code, entities[values]) for code, values in enumerate(self._asked[keys]) if values in entities]
        lengths = [len(next(iter(rows.values()))) for _, rows in found]
        codes = np.repeat(np.array([code for code, _ in found], np.int64), lengths)
        return Matched(
            codes, {name: concatenated(source.columns[name], [rows[name] for _, rows in found]) for name in columns}
        )


def key_values(keys: Mapping[str, Column]) -> Sequence[KeyValues]:
    """Rows of key columns as tuples."""
    lists = [
        [value if valid else None for value, valid in zip(column.values.tolist(), column.valid.tolist(), strict=True)]
        for column in keys.values()
    ]
    return list(zip(*lists, strict=True))
