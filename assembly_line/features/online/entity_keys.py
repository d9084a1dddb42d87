"""Which item an entity's rows lie under: a digest of generation, source and keys in the encoding of decision ids."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from assembly_line.features.spine.many_decision_ids import key_head, lengthened
from assembly_line.features.values.columns import Column

DIGITS = 32


def entity_keys(generation: str, source: str, keys: Mapping[str, Column]) -> list[str]:
    """The key of each entity, for rows without a null.

    Args:
        keys: key column -> values, in declared order. Values are taken exactly, as everywhere.
    """
    head = lengthened(generation, source)
    columns = [
        [key_head(name, column.kind) + lengthened(str(value)) for value in column.values.tolist()]
        for name, column in keys.items()
    ]
    return [sha256(head + b"".join(parts)).hexdigest()[:DIGITS] for parts in zip(*columns, strict=True)]
