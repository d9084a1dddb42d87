"""Recognising pickles, which execute code when they are loaded. The content is read, never loaded."""

from __future__ import annotations

import ast
import codecs
import pickletools
import struct
import warnings
from dataclasses import dataclass
from typing import IO, BinaryIO, cast

from numpy.lib.format import descr_to_dtype

# Operations by which a pickle imports what it names, and by which it calls what it has imported.
NAMING = {"GLOBAL", "STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"}
CALLING = {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "REDUCE", "BUILD"}
KNOWN = {operation.code.encode("latin-1") for operation in pickletools.opcodes}
# Operations with a line of text, which loaders take in more forms than `pickletools`: 0x10 is a number there.
LINES = set(b"ILFSVPgp")
MARK, NEWEST_PROTOCOL = 0x80, 5
ARRAY = b"\x93NUMPY"
# As numpy has it; a longer header is refused there unless pickles are trusted.
LONGEST_HEADER = 64 * 1024
LONGEST_LINE = 16 * 1024 * 1024
MOST_OPERATIONS = 1_000_000
PIECE = 1024 * 1024


class Undecided(Exception):
    """The content reads as a pickle for longer than it can be looked at."""


def holds_pickle(content: BinaryIO) -> bool:
    """Whether a pickle stands at the beginning, or behind pickles, arrays and text: in turn, loaders read them.

    Zeros count as text. Behind text a pickle is told by a byte that no text has, such as the mark of protocol 2.

    Raises:
        Undecided: nobody can say in bounded time.
    """
    with warnings.catch_warnings():
        # `pickletools` would warn of escapes in what it takes for a text.
        warnings.simplefilter("ignore")
        return _holds_pickle(_Stream(content, content.seek(0, 2)))


def _holds_pickle(stream: _Stream) -> bool:
    position, behind_text = 0, False
    while position < stream.size:
        head = stream.peek(position, len(ARRAY))
        marked = len(head) > 1 and head[0] == MARK and head[1] <= NEWEST_PROTOCOL
        if head == ARRAY:
            found = _array(stream, position)
        else:
            found = _pickle(stream, position, marked=marked, by_chance=behind_text)
        if found.executes:
            return True
        behind_text = found.end is None
        start, position = position, stream.end_of_text(position) if found.end is None else found.end
        if position == start:
            return False
    return False


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands at a place: whether loading it executes code, and where it ends; None if it is something else."""

    executes: bool
    end: int | None


class _Stream:
    """Bytes that claim no more memory than there are: a pickle says itself how long its strings are."""

    def __init__(self, content: BinaryIO, size: int) -> None:
        self._content = content
        self.size = size
        self._operations = 0

    def peek(self, position: int, size: int) -> bytes:
        self._content.seek(position)
        found = self._content.read(size)
        self._content.seek(position)
        return found

    def read(self, size: int) -> bytes:
        return self._content.read(max(0, min(size, self.size - self._content.tell())))

    def readline(self) -> bytes:
        line = self._content.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise Undecided
        return line

    def tell(self) -> int:
        return self._content.tell()

    def end_of_text(self, start: int) -> int:
        """Where the text ends that begins at a place: the place itself if none does."""
        decoder, at = codecs.getincrementaldecoder("utf-8")(), start
        self._content.seek(start)
        while piece := self._content.read(PIECE):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                return at - pending + error.start
            at += len(piece)
        return at

    def count(self) -> None:
        """Count one more operation that was looked at."""
        self._operations += 1
        if self._operations > MOST_OPERATIONS:
            raise Undecided


def _pickle(stream: _Stream, position: int, *, marked: bool, by_chance: bool) -> _Found:
    """A pickle: with its mark any that is whole, without it one that names something to import.

    One that is damaged executes all the same, up to there. Numbers may begin with the mark by chance.

    Args:
        by_chance: the place is one where a mark is likelier to be a number, such as a length in an ONNX file.
    """
    names, pushed, at, whole = False, 0, position, False
    while not whole:
        stream.peek(at, 0)
        try:
            for operation, _, _ in pickletools.genops(cast("IO[bytes]", stream)):
                at = stream.tell()
                names = names or operation.name in NAMING
                # Who calls takes what to call and with what; with less there, loading fails.
                if names and operation.name in CALLING and pushed > (operation.name != "INST"):
                    return _Found(executes=True, end=None)
                pushed += len(operation.stack_after)
                stream.count()
            whole = True
        except (ValueError, OverflowError) as error:
            code = stream.peek(at, 1)
            if code and code[0] in LINES:
                stream.read(1)
                stream.readline()
                at = stream.tell()
                pushed += 1
                stream.count()
                continue
            # Where loaders know the operation, or have imported something before, they may do more than was looked at.
            if marked and (names or (code in KNOWN and not by_chance)):
                raise Undecided from error
            return _Found(executes=False, end=None)
    return _Found((marked and pushed > 0) or names, at)


def _array(stream: _Stream, position: int) -> _Found:
    """A numpy array; one of objects is a pickle behind its header."""
    version = stream.peek(position + len(ARRAY), 1)
    width = struct.Struct("<H" if version == b"\1" else "<I")
    start = position + len(ARRAY) + 2
    announced = stream.peek(start, width.size)
    if len(announced) < width.size:
        return _Found(executes=False, end=None)
    (length,) = width.unpack(announced)
    if length > LONGEST_HEADER:
        raise Undecided
    try:
        header = ast.literal_eval(stream.peek(start + width.size, length).decode())
        dtype, shape = descr_to_dtype(header["descr"]), header["shape"]
        items = 1
        for extent in shape:
            items *= int(extent)
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        return _Found(executes=False, end=None)  # numpy reads no such header either
    return _Found(dtype.hasobject, start + width.size + length + items * dtype.itemsize if items >= 0 else None)
