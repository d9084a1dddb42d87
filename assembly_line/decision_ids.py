"""The name of a decision: the same line, keys and decision time always give the same `decision_id`.

`d1-<yyyymmdd>-<32 hexadecimal digits>`: the day of the decision time in UTC, then the first 128 bits of SHA-256 over a
length-prefixed encoding, so that no two different decisions share an encoding. Test vectors: docs/decision-ids.md.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from assembly_line.instants import format_day, to_micros

TYPE_CODES = {bool: "b", int: "i", str: "s"}
PATTERN = re.compile("d1-[0-9]{8}-[0-9a-f]{32}")

KeyValue = int | str | bool


def decision_id(line: str, keys: Sequence[tuple[str, KeyValue]], decision_time: datetime) -> str:
    """Name one decision.

    Args:
        line: the line's name.
        keys: (column, value) in the order of the decision's declared key columns; strings are taken exactly.
        decision_time: an instant with a zone.

    Raises:
        ValueError: a key is null, an empty text, or of a type that has no exact encoding.
    """
    parts = [b"d1", line.encode(), str(to_micros(decision_time)).encode()]
    for column, value in keys:
        if type(value) not in TYPE_CODES:
            raise ValueError(f"{column}: a key is an integer, a string or a boolean, got {value!r}")
        if value == "":
            raise ValueError(f"{column}: a key is not empty, got ''; write null where it is not known")
        parts += [column.encode(), TYPE_CODES[type(value)].encode(), str(value).encode()]
    encoded = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return f"d1-{format_day(decision_time)}-{hashlib.sha256(encoded).hexdigest()[:32]}"


def day_of(identifier: str) -> str:
    """The day (`yyyymmdd`, UTC) that a `decision_id` carries.

    Raises:
        ValueError: the text is not a `decision_id`.
    """
    if not PATTERN.fullmatch(identifier):
        raise ValueError(f"{identifier!r} is not a decision_id such as d1-20170712-<32 hexadecimal digits>")
    return identifier[3:11]
