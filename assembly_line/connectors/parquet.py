"""A raw table that is a Parquet file: whether it can be read, its rows, its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from assembly_line.errors import SourceUnreadable
from assembly_line.features import (
    DECIMAL_DIGITS,
    DURATION,
    INT96,
    PATTERN_CHARACTERS,
    WHOLE_NUMBERS,
    RawColumn,
    connect,
    durations,
    parquet_notes,
    parquet_rows,
    parquet_schema,
    quoted,
)

MEMORY_MIB = 2048
LARGEST_MILLIS = 2**63 // 1000
YEAR_MILLIS = 31_556_952_000


@dataclass(frozen=True, slots=True)
class ParquetReader:
    """Reads a Parquet file of this machine."""

    file: Path

    @property
    def name(self) -> str:
        # A name that is not UTF-8 could not be printed.
        return self.file.name.encode(errors="backslashreplace").decode()

    @contextmanager
    def opened(self, place: str, folder: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Sequence[RawColumn]]]:
        _check_file(place, self.file)
        try:
            with connect(folder, memory_mib=MEMORY_MIB, also=[self.file.resolve().parent]) as connection:
                connection.execute(f"CREATE TEMP VIEW raw AS SELECT * FROM {parquet_rows([self.file])}")
                yield connection, _columns(place, connection, self.file)
        except duckdb.Error as error:
            first_line = str(error).splitlines()[0]
            raise SourceUnreadable(f"{place}: cannot be read as Parquet ({first_line}); write it again") from error

    def far_time(self, column: str) -> str | None:
        """Read by pyarrow, since DuckDB cannot show it; None where that is not installed, as in a Lambda."""
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            return None
        with pq.ParquetFile(self.file) as opened:
            for batch in opened.iter_batches(columns=[column]):
                for millis in batch.column(0).cast(pa.int64()).to_pylist():
                    if millis is not None and abs(millis) > LARGEST_MILLIS:
                        return f"{millis} (about the year {1970 + millis // YEAR_MILLIS})"
        return None


def _check_file(place: str, file: Path) -> None:
    """Refuse a file that is missing, empty, or named so that it cannot be read.

    Raises:
        SourceUnreadable: says which of it, and what to do.
    """
    try:
        there = file.is_file()
        size = file.stat().st_size if there else 0
    except OSError as error:
        raise SourceUnreadable(
            f"{place}: cannot be opened ({error.strerror}); expected the path of a Parquet file"
        ) from error
    if not there:
        raise SourceUnreadable(f"{place}: there is no such file in {file.parent}; expected a Parquet file")
    if not size:
        raise SourceUnreadable(f"{place}: is empty (0 bytes); expected a Parquet file")
    # As the file is read: by the name that links lead to.
    _check_name(place, str(file.resolve()))


def _check_name(place: str, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise SourceUnreadable(f"{place}: its path {name!r} is not UTF-8; rename it") from error
    # In a pattern a backslash parts folders, whatever stands around it.
    if "\\" in name and PATTERN_CHARACTERS.search(name):
        raise SourceUnreadable(
            f"{place}: its path {name!r} has a backslash beside one of * ? [, and no such path can be read; rename it"
        )


def _columns(place: str, connection: duckdb.DuckDBPyConnection, file: Path) -> list[RawColumn]:
    """The columns of a Parquet file, in its order.

    Raises:
        SourceUnreadable: what its writer noted of them cannot be read.
    """
    lengths = _durations(place, connection, file)
    described = connection.execute(f"DESCRIBE SELECT * FROM {parquet_rows([file])}").fetchall()
    query = f"SELECT name, num_children, type, converted_type, precision, scale FROM {parquet_schema(file)}"
    stored = list(_top_level(connection.execute(query).fetchall()))
    found = []
    for (known_as, kind, *_), (name, _children, physical, converted, *digits) in zip(described, stored, strict=True):
        wide = converted == "DECIMAL" and int(str(digits[0])) > DECIMAL_DIGITS
        other = f"DECIMAL({digits[0]},{digits[1]})" if wide else INT96 if physical == INT96 else str(kind)
        other = DURATION if name in lengths and kind in WHOLE_NUMBERS else other
        found.append(RawColumn(str(name), other, quoted(str(known_as))))
    return found


def _durations(place: str, connection: duckdb.DuckDBPyConnection, file: Path) -> set[str]:
    notes = connection.execute(f"SELECT key, value FROM {parquet_notes(file)}").fetchall()
    try:
        return durations({bytes(key): bytes(value) for key, value in notes})
    except ValueError as error:
        raise SourceUnreadable(
            f"{place}: its writer's note of the columns cannot be read ({error}); expected the schema that Arrow "
            "or Spark writes; write the file again"
        ) from error


def _top_level(stored: list[tuple[object, ...]]) -> Iterator[tuple[object, ...]]:
    """The columns themselves, of a list in which each group stands before its members."""
    below = 0
    for row in stored[1:]:
        if not below:
            yield row
        below += int(str(row[1] or 0)) - (1 if below else 0)
