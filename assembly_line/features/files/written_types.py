"""Types that a Parquet file's writer noted beside its columns, because Parquet has none for them: lengths of time.

Arrow (pyarrow, pandas, polars) notes a schema as a flatbuffer, Spark as JSON. A length of time is stored as a bare
number, whose unit stands only there.

Source: arrow.apache.org/docs/format/Columnar.html, format/Message.fbs and format/Schema.fbs.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator, Mapping

ARROW = b"ARROW:schema"
SPARK = b"org.apache.spark.sql.parquet.row.metadata"
ARROW_DURATION = 18
SPARK_INTERVAL = "interval"
# Places of members in the tables of Message.fbs and Schema.fbs.
MESSAGE_HEADER, SCHEMA_FIELDS, FIELD_NAME, FIELD_TYPE = 2, 1, 0, 2
CONTINUATION = b"\xff\xff\xff\xff"


def durations(notes: Mapping[bytes, bytes]) -> set[str]:
    """Names of the columns that hold lengths of time.

    Raises:
        ValueError: a note is not what its writer would write.
    """
    try:
        return {*_of_arrow(notes.get(ARROW)), *_of_spark(notes.get(SPARK))}
    except (struct.error, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _of_arrow(note: bytes | None) -> Iterator[str]:
    if note is None:
        return
    message = base64.b64decode(note, validate=True)
    buffer = _Flat(message[8:] if message.startswith(CONTINUATION) else message[4:])
    schema = buffer.member(buffer.reference(0), MESSAGE_HEADER)
    fields = None if schema is None else buffer.member(buffer.reference(schema), SCHEMA_FIELDS)
    if fields is None:
        raise ValueError("it names no column")
    for field in buffer.members(buffer.reference(fields)):
        kind, name = buffer.member(field, FIELD_TYPE), buffer.member(field, FIELD_NAME)
        if kind is not None and name is not None and buffer.number("B", kind) == ARROW_DURATION:
            yield buffer.text(buffer.reference(name))


def _of_spark(note: bytes | None) -> Iterator[str]:
    for field in json.loads(note)["fields"] if note else ():
        if isinstance(field["type"], str) and field["type"].startswith(SPARK_INTERVAL):
            yield field["name"]


class _Flat:
    """A flatbuffer: tables that name the places of their members, little-endian."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def number(self, form: str, place: int) -> int:
        if place < 0:
            raise struct.error(f"place {place} lies before the beginning")
        return int(struct.unpack_from(f"<{form}", self._content, place)[0])

    def reference(self, place: int) -> int:
        return place + self.number("I", place)

    def member(self, table: int, number: int) -> int | None:
        """Where a member of a table lies; None where it is left out."""
        places = table - self.number("i", table)
        at = 4 + 2 * number
        offset = self.number("H", places + at) if at < self.number("H", places) else 0
        return table + offset if offset else None

    def members(self, vector: int) -> Iterator[int]:
        """The tables of a vector."""
        for place in range(self.number("I", vector)):
            yield self.reference(vector + 4 * (place + 1))

    def text(self, place: int) -> str:
        length = self.number("I", place)
        return self._content[place + 4 : place + 4 + length].decode()
