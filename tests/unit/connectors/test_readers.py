"""A kind of source is one class: whatever reads a raw table, the lake gets the same typed files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from assembly_line import Entity, Source
from assembly_line.connectors import Kind, reader_of
from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.features.files.raw_columns import RawColumn
from assembly_line.features.files.session import connect
from assembly_line.features.sources.source_files import write_typed

VISITS = Source(
    name="visits",
    entities=(Entity("user", keys={"user": "int64"}),),
    columns={"user": "int64", "at": "timestamp"},
    event_time="at",
    known_time="at",
    zone="UTC",
)
ROWS = [(1, "2017-01-31 10:00:00"), (2, "2017-02-01 11:00:00")]


@dataclass(frozen=True)
class SqliteReader:
    """Another kind of source, as its connector would be written."""

    database: Path
    name: str = "table visits"

    @contextmanager
    def opened(self, place: str, folder: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Sequence[RawColumn]]]:
        try:
            with closing(sqlite3.connect(self.database)) as database:
                rows = database.execute("SELECT user, at, note FROM visits").fetchall()
        except sqlite3.Error as error:
            raise SourceUnreadable(f"{place}: {error}") from error
        with connect(folder, memory_mib=512) as connection:
            connection.execute('CREATE TEMP TABLE raw ("user" BIGINT, "at" TIMESTAMP, note VARCHAR)')
            connection.executemany("INSERT INTO raw VALUES (?, ?, ?)", rows)
            kinds = {"user": "BIGINT", "at": "TIMESTAMP", "note": "VARCHAR"}
            yield connection, [RawColumn(name, kind, f'"{name}"') for name, kind in kinds.items()]

    def far_time(self, column: str) -> str | None:
        return None


def test_another_kind_of_source_gives_the_files_that_parquet_gives(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "visits.db")) as database:
        database.execute("CREATE TABLE visits (user INTEGER, at TEXT, note TEXT)")
        database.executemany("INSERT INTO visits VALUES (?, ?, 'x')", ROWS)
        database.commit()
    file = tmp_path / "visits.parquet"
    values = ", ".join(f"({user}, TIMESTAMP '{at}', 'x')" for user, at in ROWS)
    duckdb.execute(f'COPY (SELECT * FROM (VALUES {values}) AS given("user", "at", note)) TO \'{file}\'')

    written: list[Any] = []
    for number, reader in enumerate((reader_of("parquet", file), SqliteReader(tmp_path / "visits.db"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        table = write_typed(VISITS, reader, folder)
        parts = [(part.month, part.rows, part.min_time, read_columns(part.path)) for part in table.parts]
        written.append((parts, table.undeclared))

    assert written[0] == written[1]
    assert [part[0] for part in written[0][0]] == ["2017-01", "2017-02"]
    assert written[0][1] == {"note": "VARCHAR"}


def test_a_table_that_cannot_be_read_is_named_as_its_reader_names_it(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="source visits: table visits: no such table"):
        write_typed(VISITS, SqliteReader(tmp_path / "empty.db"), tmp_path)


def test_an_unknown_kind_has_no_reader(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        reader_of(cast("Kind", "abacus"), tmp_path)
