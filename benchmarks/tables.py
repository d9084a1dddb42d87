"""The tables of the benchmarks: retail events and a spine of household x day, cut or copied under shifted keys."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from assembly_line.connectors import reader_of
from assembly_line.declarations.sources import Source
from assembly_line.features import Snapshot, SnapshotObject, TypedFile, write_typed
from benchmarks.declared import DAYS, EVENTS, MEMORY_MIB, SPINE, WIDE_SOURCES

DATA = Path(__file__).parents[1] / "lines" / "coupon_redemption" / "data.py"
FIRST_DAY = "2017-01-01"
# Keys of one copy lie above those of the copy before.
SHIFT = 100_000
# Every copy has households of its own; beyond ten copies each decides on every tenth day, so that the spine stays.
MOST_SPINES = 10
ONE_ROWS, ONE_MEMORY_MIB = 10_000_000, 1024
WIDE_ROWS, WIDE_HOUSEHOLDS, WIDE_EVERY = 1_560_000, 27_400, 10
YEAR = 365 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Tables:
    """One size of the tables, as typed Parquet in a folder, as the lake holds them.

    Args:
        files: source -> its files.
        spine_rows, events: how many rows.
        memory_mib: of the machine that the line is told to fit in.
    """

    name: str
    folder: Path
    files: dict[str, list[Path]]
    snapshots: dict[str, Snapshot]
    spine_rows: int
    events: int
    memory_mib: int = MEMORY_MIB


def make_events(folder: Path) -> list[TypedFile]:
    """The events of x1, one file a month.

    The lines of a basket, which carry one instant, are set a microsecond apart: the other engines take any of several
    latest rows, and their answers could not be compared.
    """
    raw, typed = folder / "raw", folder / "events"
    typed.mkdir(parents=True)
    subprocess.run([sys.executable, str(DATA), str(raw)], check=True, timeout=300)
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT household_id, product_id, cents, happened + (row_number() OVER ("
            "PARTITION BY household_id, happened ORDER BY product_id, cents) - 1) "
            "* INTERVAL 1 MICROSECOND AS happened_at "
            "FROM (SELECT household_id, product_id, CAST(round(sales_value * 100) AS BIGINT) AS cents, "
            f"transaction_timestamp AS happened FROM read_parquet('{raw}/transactions.parquet'))) "
            f"TO '{raw}/events.parquet' (FORMAT parquet)"
        )
    return list(write_typed(EVENTS, reader_of("parquet", raw / "events.parquet"), typed).parts)


def make_tables(
    name: str, events: list[TypedFile], folder: Path, *, copies: int = 1, rows: int | None = None
) -> Tables:
    """The tables of one size.

    Args:
        copies: how many times the events, each under households of its own.
        rows: cut the spine to so many rows, drawn by a hash; all of it if None.
    """
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        copied = events if copies == 1 else [_copied(connection, part, folder, copies) for part in events]
        listed = ", ".join(f"'{part.path}'" for part in events)
        thinned = "d % 10 = 0" if copies > MOST_SPINES else "true"
        limit = (
            "" if rows is None else f"ORDER BY hash(household_id * 1000 + day_id), household_id, day_id LIMIT {rows}"
        )
        connection.execute(
            f"COPY (SELECT household_id + k * {SHIFT} AS household_id, CAST(d AS BIGINT) AS day_id "
            f"FROM (SELECT DISTINCT household_id FROM read_parquet([{listed}])), range({copies}) t(k), range(365) s(d) "
            f"WHERE {thinned} {limit}) TO '{folder}/spine.parquet' (FORMAT parquet)"
        )
        _write_days(connection, folder)
        spine_rows = connection.execute(f"SELECT count(*) FROM '{folder}/spine.parquet'").fetchall()[0][0]
    spine = _static(folder / "spine.parquet", spine_rows)
    days = _static(folder / "days.parquet", 365)
    parts = [(EVENTS, copied), (SPINE, [spine]), (DAYS, [days])]
    return _tables(name, folder, parts, spine_rows=spine_rows, events=sum(part.rows for part in copied))


def make_wide(folder: Path) -> Tables:
    """Five sources of ten columns each, and a million decisions; the same every time."""
    folder.mkdir(parents=True)
    parts = []
    with duckdb.connect() as connection:
        for number, source in enumerate(WIDE_SOURCES):
            path = folder / f"{source.name}.parquet"
            values = ", ".join(
                f"hash(i, {number}, {place}) / 1.8446744073709552e19 AS v{number}_{place}" for place in range(10)
            )
            connection.execute(
                f"COPY (SELECT CAST(hash(i, {number}) % {WIDE_HOUSEHOLDS} AS BIGINT) AS household_id, CAST("
                f"TIMESTAMP '{FIRST_DAY}' + i * INTERVAL {YEAR // WIDE_ROWS} MICROSECOND AS TIMESTAMP WITH TIME ZONE) "
                f"AS happened_at, {values} FROM range({WIDE_ROWS}) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
            )
            edges = connection.execute(f"SELECT epoch_us(min(happened_at)), epoch_us(max(happened_at)) FROM '{path}'")
            least, greatest = edges.fetchall()[0]
            part = TypedFile(path=path, month=None, rows=WIDE_ROWS, min_time=least, max_time=greatest)
            parts.append((source, [part]))
        connection.execute(
            "COPY (SELECT CAST(h AS BIGINT) AS household_id, CAST(d AS BIGINT) AS day_id "
            f"FROM range({WIDE_HOUSEHOLDS}) t(h), range(0, 365, {WIDE_EVERY}) s(d)) "
            f"TO '{folder}/spine.parquet' (FORMAT parquet)"
        )
        spine_rows = connection.execute(f"SELECT count(*) FROM '{folder}/spine.parquet'").fetchall()[0][0]
        _write_days(connection, folder)
    parts += [(SPINE, [_static(folder / "spine.parquet", spine_rows)]), (DAYS, [_static(folder / "days.parquet", 365)])]
    return _tables("wide", folder, parts, spine_rows=spine_rows, events=WIDE_ROWS * len(WIDE_SOURCES))


def make_one(folder: Path) -> Tables:
    """Ten million events of one household in a year, and a decision a day: more than fits in the memory given."""
    folder.mkdir(parents=True)
    step = YEAR // ONE_ROWS
    with duckdb.connect() as connection:
        path = folder / "events.parquet"
        connection.execute(
            f"COPY (SELECT CAST(1 AS BIGINT) AS household_id, CAST(hash(i) % 5000 AS BIGINT) AS product_id, "
            f"CAST(hash(i, 1) % 10000 AS BIGINT) AS cents, "
            f"CAST(TIMESTAMP '{FIRST_DAY}' + i * INTERVAL {step} MICROSECOND AS TIMESTAMP WITH TIME ZONE) "
            f"AS happened_at FROM range({ONE_ROWS}) t(i)) "
            f"TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
        )
        edges = connection.execute(f"SELECT epoch_us(min(happened_at)), epoch_us(max(happened_at)) FROM '{path}'")
        least, greatest = edges.fetchall()[0]
        connection.execute(
            "COPY (SELECT CAST(1 AS BIGINT) AS household_id, CAST(d AS BIGINT) AS day_id FROM range(365) s(d)) "
            f"TO '{folder}/spine.parquet' (FORMAT parquet)"
        )
        _write_days(connection, folder)
    parts = [
        (EVENTS, [TypedFile(path=path, month=None, rows=ONE_ROWS, min_time=least, max_time=greatest)]),
        (SPINE, [_static(folder / "spine.parquet", 365)]),
        (DAYS, [_static(folder / "days.parquet", 365)]),
    ]
    tables = _tables("one", folder, parts, spine_rows=365, events=ONE_ROWS)
    return replace(tables, memory_mib=ONE_MEMORY_MIB)


def _write_days(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    connection.execute(
        f"COPY (SELECT CAST(d AS BIGINT) AS day_id, CAST(TIMESTAMP '{FIRST_DAY}' + d * INTERVAL 1 DAY AS "
        f"TIMESTAMP WITH TIME ZONE) AS opens FROM range(365) s(d)) TO '{folder}/days.parquet' (FORMAT parquet)"
    )


def _tables(
    name: str, folder: Path, parts: list[tuple[Source, list[TypedFile]]], *, spine_rows: int, events: int
) -> Tables:
    return Tables(
        name=name,
        folder=folder,
        files={source.name: [part.path for part in found] for source, found in parts},
        snapshots={source.name: snapshot_of(source, found) for source, found in parts},
        spine_rows=spine_rows,
        events=events,
    )


def _copied(connection: duckdb.DuckDBPyConnection, part: TypedFile, folder: Path, copies: int) -> TypedFile:
    path = folder / f"events-{part.path.name}"
    connection.execute(
        f"COPY (SELECT household_id + k * {SHIFT} AS household_id, product_id, cents, happened_at "
        f"FROM read_parquet('{part.path}'), range({copies}) t(k)) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    )
    return TypedFile(
        path=path, month=part.month, rows=part.rows * copies, min_time=part.min_time, max_time=part.max_time
    )


def _static(path: Path, rows: int) -> TypedFile:
    return TypedFile(path=path, month=None, rows=rows, min_time=None, max_time=None)


def snapshot_of(source: Source, files: list[TypedFile]) -> Snapshot:
    objects = [
        SnapshotObject(
            key=str(part.path),
            version="1",
            bytes=part.path.stat().st_size,
            rows=part.rows,
            min_time=part.min_time,
            max_time=part.max_time,
        )
        for part in files
    ]
    return Snapshot(source=source.name, columns=source.columns, objects=tuple(objects))
