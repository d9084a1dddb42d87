"""The emulated Athena reads the files of a table by what its catalog says, not by what their paths look like."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assembly_line.embedded.extensions.athena_tables import rows_of_table

AT = datetime(2017, 3, 1, 12, tzinfo=UTC)


def table(folder: Path, *months: str | None) -> list[Path]:
    """Files of a table with a row each: in a folder for each month, or without any."""
    files = []
    for number, month in enumerate(months):
        place = folder if month is None else folder / f"month={month}" / "0a1b"
        place.mkdir(parents=True, exist_ok=True)
        rows = {
            "user_id": pa.array([number]),
            "amount": pa.array([10.5]),
            "at": pa.array([AT], pa.timestamp("us", "UTC")),
        }
        pq.write_table(pa.table(rows), place / f"{number}.parquet")
        files.append(place / f"{number}.parquet")
    return files


def read(files: list[Path], **keys: str) -> list[dict[str, Any]]:
    relation = rows_of_table(files, keys=keys, instants=["at"])
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM {relation} ORDER BY user_id")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("temporary", ["plain", "user_id=7", "amount=1", "month=1999-01", "at=never"])
def test_the_folder_for_temporary_files_says_nothing_of_the_rows(tmp_path: Path, temporary: str) -> None:
    found = read(table(tmp_path / temporary / "root", "2017-03", "2017-04"), month="VARCHAR")

    assert [(row["user_id"], row["amount"], row["month"]) for row in found] == [
        (0, 10.5, "2017-03"),
        (1, 10.5, "2017-04"),
    ]
    assert {row["at"] for row in found} == {AT.replace(tzinfo=None)}


def test_a_folder_that_the_catalog_does_not_name_is_no_column(tmp_path: Path) -> None:
    assert [sorted(row) for row in read(table(tmp_path, "2017-03"))] == [["amount", "at", "user_id"]]


def test_partition_values_have_the_type_of_the_catalog(tmp_path: Path) -> None:
    found = read(table(tmp_path, "3", "__HIVE_DEFAULT_PARTITION__"), month="BIGINT")

    assert [row["month"] for row in found] == [3, None]


def test_a_table_without_partitions_is_read_as_it_is(tmp_path: Path) -> None:
    assert [row["user_id"] for row in read(table(tmp_path / "x=1", None, None))] == [0, 1]
