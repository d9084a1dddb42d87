"""Datasets come back as they were written: rows in order, types, nulls and NaN."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from assembly_line.errors import NotFound, SourceUnreadable
from assembly_line.features.files import reading_back
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.features.files.reading_back import KEPT, StoredColumns, opened_dataset, read_dataset
from assembly_line.features.files.session import connect, write_parquet
from assembly_line.features.record.manifest import logical_digest
from assembly_line.features.values.columns import Column, column_of

COLUMNS = {
    "id": column_of("string", ["b", None, "\u00e9"]),
    "at": column_of("timestamp", [0, -1, None]),
    "n": column_of("int64", [None, 2**63 - 1, -(2**63)]),
    "x": column_of("float64", [math.nan, None, math.inf]),
    "b": column_of("boolean", [True, None, False]),
    "d": column_of("decimal(38,2)", [12345, None, -1]),
    "day": column_of("date", [0, None, -1]),
    'quo"te': column_of("string", [None, None, None]),
}


def write(folder: Path, columns: dict[str, Column]) -> Path:
    path = folder / "data.parquet"
    with connect(folder, memory_mib=512) as connection:
        write_parquet(connection, columns, path)
    return path


def test_columns_are_plain_values(tmp_path: Path) -> None:
    found = read_columns(write(tmp_path, COLUMNS))

    assert list(found) == list(COLUMNS)
    assert found["id"] == ["b", None, "\u00e9"]
    assert found["at"] == [0, -1, None]
    assert found["n"] == [None, 2**63 - 1, -(2**63)]
    assert math.isnan(found["x"][0])
    assert found["x"][1:] == [None, math.inf]
    assert found["b"] == [True, None, False]
    assert found["d"] == [Decimal("123.45"), None, Decimal("-0.01")]
    assert found["day"] == [date(1970, 1, 1), None, date(1969, 12, 31)]
    assert found['quo"te'] == [None] * 3


def test_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, COLUMNS)

    assert list(read_columns(path, ["n", "id"])) == ["n", "id"]
    assert read_columns(path, []) == {}


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="has no column 'nope'; it has id, at"):
        read_columns(write(tmp_path, COLUMNS), ["nope"])


def test_rows_keep_their_order_over_many_row_groups(tmp_path: Path) -> None:
    many = {"n": Column("int64", np.arange(400_000)[::-1].copy(), np.ones(400_000, np.bool_))}

    assert read_columns(write(tmp_path, many))["n"] == list(range(399_999, -1, -1))


def test_a_dataset_read_back_has_the_digest_of_what_was_written(tmp_path: Path) -> None:
    assert logical_digest(read_dataset(write(tmp_path, COLUMNS))) == logical_digest(COLUMNS)


@pytest.mark.parametrize(
    "changed",
    [
        {"n": column_of("int64", [0, 2**63 - 1, -(2**63)])},
        {"x": column_of("float64", [math.nan, None, 1.0])},
        {"id": column_of("string", ["b\u00e9", None, ""])},
        {"day": column_of("timestamp", [0, None, -1])},
    ],
)
def test_another_value_null_or_type_has_another_digest(changed: dict[str, Column]) -> None:
    assert logical_digest({**COLUMNS, **changed}) != logical_digest(COLUMNS)
    assert logical_digest(dict(reversed(COLUMNS.items()))) != logical_digest(COLUMNS)


def test_a_large_dataset_is_read_a_column_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, COLUMNS)
    whole = read_dataset(path)
    monkeypatch.setattr(reading_back, "FEW_VALUES", 0)
    with opened_dataset(path) as columns:
        assert isinstance(columns, StoredColumns)
        assert (list(columns), len(columns), "n" in columns, columns.get("nope")) == (
            list(whole),
            len(whole),
            True,
            None,
        )
        for _ in range(2):
            assert logical_digest(columns) == logical_digest(whole)
        held = [name for name in columns if columns[name] is columns[name]]
        assert "id" not in held
        assert sum(columns[name] is before for name, before in {name: columns[name] for name in held}.items()) <= KEPT


def test_what_is_no_dataset_is_said(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with (
        pytest.raises(SourceUnreadable, match=r"data.parquet: is not a dataset .*build it again"),
        opened_dataset(path),
    ):
        pass
