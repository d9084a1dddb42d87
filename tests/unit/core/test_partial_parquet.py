"""Files with holes: whoever reads the columns that were asked for finds them as they are in the whole object."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assembly_line.storage.services import partial_parquet
from assembly_line.storage.services.partial_parquet import copy_footer, copy_ranges, needed_ranges

ROWS = 60_000
COLUMNS = ("a", "s", "x", "wide")


@pytest.fixture(scope="module", params=["duckdb", "pyarrow"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several row groups, of plain and dictionary pages, with bloom filters and indexes."""
    path = tmp_path_factory.mktemp("whole") / "whole.parquet"
    query = (
        "SELECT i AS a, CASE WHEN i % 7 > 0 THEN concat('s', i % 50) END AS s, hash(i) / 1e19 AS x, "
        f"sha256(CAST(i AS VARCHAR)) AS wide FROM range({ROWS}) t(i)"
    )
    with duckdb.connect() as connection:
        if request.param == "duckdb":
            connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20480)")
        else:
            table = connection.sql(query).to_arrow_table()
            pq.write_table(table, path, row_group_size=7_000, write_page_index=True, compression="zstd")
    return path


def partly(whole: Path, columns: set[str], path: Path) -> tuple[int, Path]:
    """How many bytes were copied, and the file."""
    content, copied = whole.read_bytes(), 0

    def read(first: int, end: int) -> bytes:
        nonlocal copied
        copied += end - first
        return content[first:end]

    assert copy_footer(read, len(content), path)
    with duckdb.connect() as connection:
        ranges = needed_ranges(connection, path, len(content), columns)
    assert ranges is not None
    copy_ranges(read, ranges, path)
    return copied, path


@pytest.fixture(autouse=True)
def small_holes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_parquet, "LEAST_HOLE_BYTES", 1)


@pytest.mark.parametrize("columns", [{"a"}, {"s"}, {"x", "s"}, {"a", "s", "x"}])
def test_the_columns_that_were_asked_for_are_as_in_the_whole(whole: Path, columns: set[str], tmp_path: Path) -> None:
    copied, path = partly(whole, columns, tmp_path / "some.parquet")

    assert path.stat().st_size == whole.stat().st_size
    assert copied < 0.6 * whole.stat().st_size
    listed = ", ".join(sorted(columns))
    for condition in ("true", "a = 4711" if "a" in columns else "true", "s = 's7'" if "s" in columns else "true"):
        query = f"SELECT {listed} FROM read_parquet(?) WHERE {condition}"
        found, expected = (duckdb.execute(query, [str(file)]).fetchall() for file in (path, whole))
        assert found == expected
        assert found
    assert pq.read_table(path, columns=sorted(columns)).equals(pq.read_table(whole, columns=sorted(columns)))


def test_a_column_that_was_not_asked_for_is_not_read_as_something_else(whole: Path, tmp_path: Path) -> None:
    _, path = partly(whole, {"a"}, tmp_path / "some.parquet")

    with pytest.raises(duckdb.Error):
        duckdb.execute("SELECT sum(hash(wide)) FROM read_parquet(?)", [str(path)]).fetchall()
    with pytest.raises(OSError):
        pq.read_table(path, columns=["wide"])


def test_all_is_copied_where_that_is_most_of_it(whole: Path) -> None:
    with duckdb.connect() as connection:
        size = whole.stat().st_size
        assert needed_ranges(connection, whole, size, set(COLUMNS)) is None
        assert needed_ranges(connection, whole, size, {"wide", "x"}) is None


def test_holes_too_small_to_pay_are_copied(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial_parquet, "LEAST_HOLE_BYTES", whole.stat().st_size)
    with duckdb.connect() as connection:
        assert needed_ranges(connection, whole, whole.stat().st_size, {"a"}) is None


def test_a_footer_larger_than_what_is_asked_for_first_is_fetched_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table({f"column_{n}": [n, None] for n in range(900)}), path)
    content = path.read_bytes()
    asked: list[tuple[int, int]] = []

    def read(first: int, end: int) -> bytes:
        asked.append((first, end))
        return content[first:end]

    assert copy_footer(read, len(content), tmp_path / "footer.parquet")
    assert len(asked) == 2
    assert pq.read_metadata(tmp_path / "footer.parquet").num_columns == 900


@pytest.mark.parametrize("content", [b"PAR1" + b"x" * 100, b"x" * 100 + b"\xff\xff\xff\x7fPAR1", b"PAR1"])
def test_what_is_no_parquet_has_no_footer(content: bytes, tmp_path: Path) -> None:
    assert not copy_footer(lambda first, end: content[first:end], len(content), tmp_path / "none.parquet")
