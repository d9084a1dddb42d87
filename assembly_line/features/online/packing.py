"""Columns as bytes and back. What an item of the online table carries.

Version 1: one byte `1`, then zlib over: the number of rows (4 bytes, little-endian); then each column in the order
agreed on: one byte, 0 if no value is null, else 1 and the flags of the values, a bit each, 1 where valid; then the
values. Numbers take 8 bytes little-endian, all first bytes before all second bytes and so on, which zlib packs better;
booleans a bit each; strings a 4-byte length in UTF-8 each, then their bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assembly_line.features.values.columns import Column, Flags, dtype_of

VERSION = 1
_COUNT = struct.Struct("<I")
_WIDTH = 8  # bytes of a number


def packed(columns: Mapping[str, Column]) -> bytes:
    """Columns of one length, in their order."""
    rows = len(next(iter(columns.values())))
    parts = [_COUNT.pack(rows), *(part for column in columns.values() for part in (_flags(column), _values(column)))]
    return bytes([VERSION]) + zlib.compress(b"".join(parts))


def unpacked(content: bytes, kinds: Mapping[str, str]) -> dict[str, Column]:
    """The columns that `packed` wrote.

    Args:
        kinds: column -> declared type, in the order in which they were packed.

    Raises:
        ValueError: the content is of another version, damaged, or of other columns.
    """
    if not content or content[0] != VERSION:
        raise ValueError(f"packed columns of version {content[0] if content else None}, expected {VERSION}")
    try:
        reading = _Reading(zlib.decompress(content[1:]))
        columns = {name: reading.column(kind) for name, kind in kinds.items()}
    except (zlib.error, struct.error) as error:
        raise ValueError(f"packed columns are damaged: {error}") from error
    if reading.left:
        raise ValueError(f"packed columns: {reading.left} bytes are left over; expected {', '.join(kinds)}")
    return columns


def _flags(column: Column) -> bytes:
    return b"\0" if column.valid.all() else b"\1" + np.packbits(column.valid).tobytes()


def _values(column: Column) -> bytes:
    if column.kind == "boolean":
        return np.packbits(column.values.astype(np.bool_)).tobytes()
    if column.kind == "string":
        pairs = zip(column.values.tolist(), column.valid.tolist(), strict=True)
        texts = [text.encode() if valid else b"" for text, valid in pairs]
        return np.array([len(text) for text in texts], "<u4").tobytes() + b"".join(texts)
    values = np.ascontiguousarray(column.values, f"<{column.values.dtype.kind}{_WIDTH}")
    return values.view(np.uint8).reshape(-1, _WIDTH).T.tobytes()


class _Reading:
    """A place in unpacked bytes that moves on."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        (self._rows,) = _COUNT.unpack_from(content)
        self._place = _COUNT.size

    @property
    def left(self) -> int:
        return len(self._content) - self._place

    def column(self, kind: str) -> Column:
        valid = np.ones(self._rows, np.bool_) if self._take(1) == b"\0" else self._bits()
        if kind == "boolean":
            return Column(kind, self._bits(), valid)
        return Column(kind, self._strings() if kind == "string" else self._numbers(dtype_of(kind)), valid)

    def _bits(self) -> Flags:
        whole = np.frombuffer(self._take(-(-self._rows // 8)), np.uint8)
        return np.unpackbits(whole, count=self._rows).astype(np.bool_)

    def _numbers(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        shuffled = np.frombuffer(self._take(_WIDTH * self._rows), np.uint8).reshape(_WIDTH, self._rows)
        return np.ascontiguousarray(shuffled.T).view(dtype.newbyteorder("<")).reshape(-1).astype(dtype)

    def _strings(self) -> NDArray[Any]:
        texts = np.empty(self._rows, np.object_)
        lengths = np.frombuffer(self._take(_COUNT.size * self._rows), "<u4").tolist()
        texts[:] = [self._take(length).decode() for length in lengths]
        return texts

    def _take(self, number: int) -> bytes:
        part = self._content[self._place : self._place + number]
        if len(part) != number:
            raise ValueError(f"packed columns end after {len(self._content)} bytes, {number - len(part)} too early")
        self._place += number
        return part
