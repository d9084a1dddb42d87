"""Files within files: what a zip, a tar or a compressed file holds, unpacked within a bound to be looked at."""

from __future__ import annotations

import bz2
import lzma
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO, Protocol, cast

PIECE = 1024 * 1024
IN_MEMORY = 8 * PIECE
# Of a compressed file so much is expanded at once, a thousandfold or more.
SIP = 1024
# An LZMA stream names the memory that reading it takes.
LZMA_MEMORY = 256 * PIECE
GZIP_FORMAT = 31
# Compressions that the standard library of every supported Python cannot undo.
CLOSED = {b"\x04\x22\x4d\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd"}
# In an old joblib file the size follows, in hexadecimal digits and blanks.
OLD_JOBLIB = re.compile(rb"ZF\s*0[xX][0-9a-fA-F_]+L?\s*")
OLD_JOBLIB_HEAD = 21
# The last bytes of a zip without a comment begin and end so.
ZIP_END, ZIP_END_SIZE = re.compile(rb"PK\x05\x06.{16}\x00\x00", re.DOTALL), 22
# So each block begins, and the end of a file without one; anything else ends the reading at once.
BZ2 = re.compile(rb"BZh[1-9](1AY&|\x17rE8)")
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)
BEHIND = "has something behind the end of what is packed in it"


class Unreadable(Exception):
    """A packed file that cannot be looked into; the text says why."""


class Budget:
    """How many bytes may still be unpacked."""

    def __init__(self, most_bytes: int) -> None:
        self._most = self._left = most_bytes

    def take(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Unreadable(f"expands beyond {self._most} bytes")


def unpacked(content: BinaryIO, budget: Budget) -> Iterator[tuple[str, BinaryIO]]:
    """(name, content) of each file that is packed in this one; none if it is no packing. Each is gone with the next.

    Raises:
        Unreadable: it is one, and cannot be looked into.
    """
    bounded = _Within(content)
    bounded.seek(0)
    head = bounded.read(8)
    for mark, what in CLOSED.items():
        if head.startswith(mark):
            raise Unreadable(f"is {what}, which cannot be looked into")
    bounded.seek(0)
    if OLD_JOBLIB.fullmatch(bounded.read(OLD_JOBLIB_HEAD)):
        raise Unreadable("is an old joblib file, which cannot be looked into")
    yield from _zipped(bounded, head, budget)
    yield from _tarred(bounded, budget)
    yield from _compressed(bounded, head, budget)


class _Within:
    """A file that is asked for no more than it has: a header names the size of what follows, and may lie."""

    def __init__(self, content: BinaryIO) -> None:
        self._content = content
        self._size = content.seek(0, 2)

    def read(self, size: int = -1) -> bytes:
        left = max(0, self._size - self._content.tell())
        return self._content.read(left if size < 0 else min(size, left))

    def last(self, size: int) -> bytes:
        self.seek(max(0, self._size - size))
        return self.read()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()

    def seekable(self) -> bool:
        return True


def _zipped(content: _Within, head: bytes, budget: Budget) -> Iterator[tuple[str, BinaryIO]]:
    content.seek(0)
    file = cast("IO[bytes]", content)
    certain = head.startswith(b"PK\3\4")
    if not certain and not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            if not ZIP_END.fullmatch(content.last(ZIP_END_SIZE)):
                raise Unreadable(BEHIND)
            for member in archive.infolist():
                if not member.is_dir():
                    with archive.open(member) as packed, _copied(_pieces(packed), budget) as copy:
                        yield member.filename, copy
    except DAMAGED as error:
        if certain or not isinstance(error, zipfile.BadZipFile):
            raise Unreadable(f"is a zip that cannot be looked into: {error}") from error


def _tarred(content: _Within, budget: Budget) -> Iterator[tuple[str, BinaryIO]]:
    content.seek(0)
    file = cast("IO[bytes]", content)
    try:
        archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - owns nothing to close
    except (tarfile.TarError, ValueError, OverflowError):
        return
    try:
        for member in archive:
            packed = archive.extractfile(member) if member.isfile() else None
            if packed is not None:
                with packed, _copied(_pieces(packed), budget) as copy:
                    yield member.name, copy
        # Numbers may begin like a tar of nothing: with zeros.
        content.seek(archive.offset)
        if archive.getmembers() and any(piece.strip(b"\0") for piece in _pieces(file)):
            raise Unreadable(BEHIND)
    except DAMAGED as error:
        raise Unreadable(f"is a tar that cannot be looked into: {error}") from error


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, /) -> bytes: ...


def _compressed(content: _Within, head: bytes, budget: Budget) -> Iterator[tuple[str, BinaryIO]]:
    new, certain = _decoder(head)
    if new is not None:
        with _copied(_expanded(content, new, certain=certain), budget) as copy:
            yield "its content", copy


def _decoder(head: bytes) -> tuple[Callable[[], _Decoder] | None, bool]:
    """What undoes the compression that a file begins like, and whether nothing else begins so."""
    if head.startswith(b"\x1f\x8b"):
        return lambda: zlib.decompressobj(GZIP_FORMAT), True
    if BZ2.match(head):
        return bz2.BZ2Decompressor, True
    if head.startswith((b"\xfd7zXZ\0", b"\x5d\0\0")):
        return lambda: lzma.LZMADecompressor(memlimit=LZMA_MEMORY), head.startswith(b"\xfd")
    # Two bytes that text may begin with too.
    zlib_header = len(head) > 1 and head[0] & 15 == zlib.DEFLATED and int.from_bytes(head[:2], "big") % 31 == 0
    return (zlib.decompressobj if zlib_header else None), False


def _expanded(content: _Within, new: Callable[[], _Decoder], *, certain: bool) -> Iterator[bytes]:
    """The streams of a file one after the other, with zeros between them, which loaders skip.

    A first one that is damaged is read up to there: loaders execute what comes before.
    """
    content.seek(0)
    decoder, whole, begun = new(), False, False
    try:
        while data := content.read(SIP):
            while data := data if begun else data.lstrip(b"\0"):
                yield decoder.decompress(data)
                begun = not decoder.eof
                data = decoder.unused_data if decoder.eof else b""
                if decoder.eof:
                    decoder, whole = new(), True
    except DAMAGED as error:
        if whole:
            raise Unreadable(BEHIND) from error
        # Beyond memory is not damaged: who loads it may have more.
        if certain or "limit" in str(error):
            raise Unreadable(f"is compressed and cannot be looked into: {error}") from error
    if whole and begun:
        raise Unreadable(BEHIND)
    if certain and not whole:
        raise Unreadable("is compressed and cannot be looked into: it ends too early")


def _pieces(packed: IO[bytes]) -> Iterator[bytes]:
    while piece := packed.read(PIECE):
        yield piece


@contextmanager
def _copied(pieces: Iterable[bytes], budget: Budget) -> Iterator[BinaryIO]:
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        for piece in pieces:
            budget.take(len(piece))
            file.write(piece)
        yield cast("BinaryIO", file)
