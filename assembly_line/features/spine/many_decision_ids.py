"""The ids of many decisions at once: `decision_ids.decision_id`, with what repeats encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import numpy as np

from assembly_line.decision_ids import TYPE_CODES
from assembly_line.features.values.columns import Column, Integers
from assembly_line.instants import format_day, from_micros

LENGTH = 4
PYTHON_TYPES = {"int64": int, "string": str, "boolean": bool}


def lengthened(*texts: str) -> bytes:
    """Each text in UTF-8 behind its length in bytes."""
    encoded = [text.encode() for text in texts]
    return b"".join(len(part).to_bytes(LENGTH, "big") + part for part in encoded)


def key_head(name: str, kind: str) -> bytes:
    """What stands before the value of a key column."""
    return lengthened(name, TYPE_CODES[PYTHON_TYPES[kind]])


def decision_ids(line: str, keys: Mapping[str, Column], times: Integers) -> Column:
    """The id of each decision; null where a key is null."""
    valid = np.logical_and.reduce([column.valid for column in keys.values()])
    moments = times.tolist()
    days = {time: format_day(from_micros(time)) for time in set(moments)}
    heads = {time: lengthened("d1", line, str(time)) for time in days}
    encoded = [_values(name, column) for name, column in keys.items()]
    ids = [
        f"d1-{days[time]}-{sha256(b''.join((heads[time], *values))).hexdigest()[:32]}"
        for time, *values in zip(moments, *encoded, strict=True)
    ]
    column = np.empty(len(ids), np.object_)
    column[:] = ids
    column[~valid] = ""
    return Column("string", column, valid)


def _values(name: str, column: Column) -> list[bytes]:
    """A key column's part of what is digested, for each row. Under a null stands anything."""
    head = key_head(name, column.kind)
    values = column.values.tolist()
    known = {value: head + lengthened(str(value)) for value in set(values)}
    return [known[value] for value in values]
