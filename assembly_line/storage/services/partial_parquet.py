"""Of a Parquet object only what some columns need, as a file of the object's size with holes where the others lie.

Whoever reads only these columns cannot tell the file from the whole: offsets, footer and indexes are where they were.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.features import parquet_chunks

if TYPE_CHECKING:
    import duckdb

MIB = 1 << 20
# Objects below this are copied whole: asking twice takes longer.
LEAST_BYTES = MIB
# What is asked for first: the footer, unless there are very many columns.
TAIL_BYTES = 64 << 10
# A hole below this takes longer to leave out than to copy.
LEAST_HOLE_BYTES = 256 << 10
# Above this share of the object all of it is copied, in one request.
MOST_SHARE = 0.8
AT_ONCE_BYTES = 8 * MIB
MAGIC = b"PAR1"
LENGTH_BYTES = 4

# (first byte, end) -> the object's bytes from the first up to the end; none from a store that gives no parts.
Read = Callable[[int, int], bytes]
Ranges = list[tuple[int, int]]


def copy_columns(objects: Sequence[tuple[Read, int, Path]], columns: Collection[str], pool: Executor) -> set[Path]:
    """Copy what these columns need of those objects of which that is clearly less than all, and say which these are.

    Args:
        objects: how each is read, its size in bytes, and where it goes.
        columns: those that will be read.
    """
    # Not every function that knows the store has a use for DuckDB.
    import duckdb

    footers = pool.map(lambda one: copy_footer(*one), objects)
    wanted = []
    with duckdb.connect() as connection:
        for (read, size, path), there in zip(objects, footers, strict=True):
            ranges = needed_ranges(connection, path, size, columns) if there else None
            if ranges is not None:
                wanted.append((read, ranges, path))
    list(pool.map(lambda one: copy_ranges(*one), wanted))
    return {path for _, _, path in wanted}


def copy_footer(read: Read, size: int, path: Path) -> bool:
    """Write a file of the object's size that holds its footer alone.

    False if it has none, so is no Parquet, or if its store gives no parts of objects.
    """
    tail = read(max(0, size - TAIL_BYTES), size)
    length = int.from_bytes(tail[-len(MAGIC) - LENGTH_BYTES : -len(MAGIC)], "little") + LENGTH_BYTES + len(MAGIC)
    if not tail.endswith(MAGIC) or length > size:
        return False
    if length > len(tail):
        tail = read(size - length, size)
    with path.open("wb") as file:
        file.truncate(size)
        file.write(MAGIC)
        file.seek(size - len(tail))
        file.write(tail)
    return True


def needed_ranges(
    connection: duckdb.DuckDBPyConnection, path: Path, size: int, columns: Collection[str]
) -> Ranges | None:
    """The bytes that readers of these columns may look at: all but the other columns' pages; None for all of them.

    Args:
        path: holds at least the object's footer.
    """
    chunks = connection.execute(
        "SELECT path_in_schema, dictionary_page_offset, index_page_offset, data_page_offset, total_compressed_size "
        f"FROM {parquet_chunks(path)}"
    ).fetchall()
    holes = sorted(_holes(chunks, columns))
    ranges, begin = Ranges(), 0
    for start, end in holes:
        if end - start >= LEAST_HOLE_BYTES:
            ranges.append((begin, start))
            begin = end
    ranges.append((begin, size))
    return None if sum(end - start for start, end in ranges) > MOST_SHARE * size else ranges


def copy_ranges(read: Read, ranges: Sequence[tuple[int, int]], path: Path) -> None:
    """Fill the file with these bytes of the object."""
    with path.open("r+b") as file:
        for start, end in ranges:
            for first in range(start, end, AT_ONCE_BYTES):
                file.seek(first)
                file.write(read(first, min(first + AT_ONCE_BYTES, end)))


def _holes(chunks: Sequence[tuple[object, ...]], columns: Collection[str]) -> Iterator[tuple[int, int]]:
    """Pages of other columns. A chunk begins with whichever of its pages comes first."""
    for name, *offsets, length in chunks:
        begins = [int(str(offset)) for offset in offsets if offset]
        if str(name).partition(", ")[0] not in columns and begins:
            yield min(begins), min(begins) + int(str(length))
