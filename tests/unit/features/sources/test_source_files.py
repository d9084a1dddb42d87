"""Raw files become typed Parquet without loss, or are refused with file, column, value and what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assembly_line import Entity, Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.features.sources.source_files import write_typed
from assembly_line.instants import to_micros

USER = Entity("user", keys={"user": "int64"})
NEW_YORK = "America/New_York"
SALES = Source(
    name="sales",
    entities=(USER,),
    columns={
        "user": "int64",
        "at": "timestamp",
        "paid": "float64",
        "name": "string",
        "vip": "boolean",
        "price": "decimal(9,2)",
        "birth": "date",
    },
    event_time="at",
    known_time="at",
    zone=NEW_YORK,
    personal=("name",),
)
GOOD: dict[str, Any] = {
    "user": pa.array([1, 2], pa.int64()),
    "at": pa.array(
        [datetime.fromisoformat("2017-01-31T23:59"), datetime.fromisoformat("2017-02-01")], pa.timestamp("us")
    ),
    "paid": pa.array([1.5, None]),
    "name": pa.array(["\u00e9", ""]),
    "vip": pa.array([True, None]),
    "price": pa.array([Decimal("1.25"), None], pa.decimal128(9, 2)),
    "birth": pa.array([date(1970, 1, 1), None]),
    "undeclared": pa.array(["dropped", "dropped"]),
}


def write(path: Path, **changed: Any) -> Path:
    columns = {name: array for name, array in {**GOOD, **changed}.items() if array is not None}
    pq.write_table(pa.table(columns), path)
    return path


def test_declared_columns_are_kept_by_month_with_times_as_utc(tmp_path: Path) -> None:
    files = write_typed(SALES, write(tmp_path / "sales.parquet"), tmp_path)

    # New York's midnight is five hours later in UTC.
    assert [(file.month, file.rows) for file in files] == [("2017-02", 2)]
    columns = read_columns(files[0].path)
    assert list(columns) == list(SALES.columns)
    expected = [to_micros(datetime(2017, 2, 1, 4, 59, tzinfo=UTC)), to_micros(datetime(2017, 2, 1, 5, tzinfo=UTC))]
    assert columns["at"] == expected == [files[0].min_time, files[0].max_time]
    assert columns["price"] == [Decimal("1.25"), None]
    assert columns["birth"] == [date(1970, 1, 1), None]


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        # Clocks are set back: 1:30 happens twice, and the later one cannot leak.
        (datetime.fromisoformat("2017-11-05T01:30"), datetime(2017, 11, 5, 6, 30, tzinfo=UTC)),
        # Clocks are set forward: 2:30 never happens.
        (datetime.fromisoformat("2017-03-12T02:30"), datetime(2017, 3, 12, 7, 30, tzinfo=UTC)),
        (datetime.fromisoformat("2017-07-01T12:00"), datetime(2017, 7, 1, 16, tzinfo=UTC)),
    ],
)
def test_naive_times_are_local_and_never_earlier_than_they_were(tmp_path: Path, local: datetime, utc: datetime) -> None:
    file = write(tmp_path / "sales.parquet", at=pa.array([local, local], pa.timestamp("us")))

    written = write_typed(SALES, file, tmp_path)

    assert read_columns(written[0].path, ["at"])["at"] == [to_micros(utc)] * 2
    ambiguous = local.month != 7
    assert [part.inexact for part in written] == [("at",) if ambiguous else ()]


def test_nanoseconds_of_events_round_up(tmp_path: Path) -> None:
    plain = pa.array([1, 1_000], pa.int64()).cast(pa.timestamp("ns"))
    source = Source(
        name="ticks", entities=(USER,), columns={"user": "int64", "at": "timestamp"}, event_time="at",
        known_time="at", zone="UTC",
    )  # fmt: skip

    written = write_typed(source, write(tmp_path / "ticks.parquet", at=plain), tmp_path)

    assert read_columns(written[0].path, ["at"])["at"] == [1, 1]
    assert written[0].inexact == ("at",)


def test_the_same_rows_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    backwards = {name: array.take(pa.array([1, 0])) for name, array in GOOD.items()}
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, columns in zip(folders, (GOOD, backwards), strict=True):
        folder.mkdir()
        write_typed(SALES, write(folder / "raw.parquet", **columns), folder)

    assert (folders[0] / "000000.parquet").read_bytes() == (folders[1] / "000000.parquet").read_bytes()


def test_rows_without_an_event_time_are_kept_apart(tmp_path: Path) -> None:
    at = pa.array([None, datetime.fromisoformat("2017-05-01")], pa.timestamp("us"))

    files = write_typed(SALES, write(tmp_path / "sales.parquet", at=at), tmp_path)

    assert sum(file.rows for file in files) == 2
    assert [file.min_time is None for file in files] == [False, True]


def absent(path: Path) -> Path:
    return path


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def text(path: Path) -> Path:
    path.write_text("user,at\n1,2017-01-01\n")
    return path


def cut_short(path: Path) -> Path:
    content = write(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def damaged_inside(path: Path) -> Path:
    rows = 5000
    columns = {
        "user": pa.array(range(rows)),
        "at": pa.array([datetime.fromisoformat("2017-01-01")] * rows, pa.timestamp("us")),
        "paid": pa.array([1.0] * rows),
        "name": pa.array([str(number) for number in range(rows)]),
        "vip": pa.array([True] * rows),
        "price": pa.array([Decimal("1.00")] * rows, pa.decimal128(9, 2)),
        "birth": pa.array([date(2000, 1, 1)] * rows),
    }
    pq.write_table(pa.table(columns), path, compression="gzip", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[100:4000] = b"\xff" * 3900
    path.write_bytes(content)
    return path


def no_rows(path: Path) -> Path:
    pq.write_table(pa.table(GOOD).slice(0, 0), path)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (absent, "there is no such file"),
        (empty, "is empty"),
        (text, "cannot be read as Parquet"),
        (cut_short, "cannot be read as Parquet"),
        (damaged_inside, "cannot be read as Parquet"),
        (no_rows, "no rows"),
    ],
)
def test_a_file_that_is_not_the_source_is_refused(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    with pytest.raises(SourceUnreadable, match=rf"^source sales: sales\.parquet: .*{said}"):
        write_typed(SALES, make(tmp_path / "sales.parquet"), tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"price": None}, "has no column 'price'"),
        ({"user": pa.array(["1", "2"])}, "column user is VARCHAR, which is not read as the declared int64"),
        ({"user": pa.array([1.0, 2.5])}, "column user: 1 values, such as 2.5 do not fit the declared int64"),
        ({"user": pa.array([1, 2**64 - 1], pa.uint64())}, "do not fit the declared int64"),
        ({"name": pa.array([1, 2])}, "column name is BIGINT, which is not read as the declared string"),
        ({"vip": pa.array([0, 1])}, "column vip is BIGINT"),
        ({"paid": pa.array([2**53 + 1, 1])}, "column paid: 1 values"),
        ({"price": pa.array([Decimal("1.255"), None], pa.decimal128(9, 3))}, "such as 1.255 do not fit"),
        (
            {"birth": pa.array([datetime.fromisoformat("2017-01-01T05:00"), None], pa.timestamp("us"))},
            "column birth: 1 values",
        ),
        ({"at": pa.array([date(2017, 1, 1), None])}, "column at is DATE"),
    ],
)
def test_a_column_of_another_kind_is_refused(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        write_typed(SALES, write(tmp_path / "sales.parquet", **changed), tmp_path)

    assert said in str(refused.value)


def test_whole_numbers_in_other_types_are_taken(tmp_path: Path) -> None:
    """As pandas writes integers with gaps, and days as midnights."""
    changed = {
        "user": pa.array([1.0, 2.0]),
        "birth": pa.array([datetime.fromisoformat("2017-01-01"), None], pa.timestamp("ms")),
        "paid": pa.array([1, 2]),
    }
    files = write_typed(SALES, write(tmp_path / "sales.parquet", **changed), tmp_path)

    columns = read_columns(files[0].path, ["user", "birth", "paid"])
    assert columns == {"user": [1, 2], "birth": [date(2017, 1, 1), None], "paid": [1.0, 2.0]}


def test_a_personal_value_is_not_shown(tmp_path: Path) -> None:
    personal = Source(
        name="people", entities=(USER,), columns={"user": "int64", "pay": "int64"}, static=True, personal=("pay",)
    )
    file = write(tmp_path / "people.parquet", pay=pa.array([1.0, 12345.5]))

    with pytest.raises(SourceUnreadable, match="column pay") as refused:
        write_typed(personal, file, tmp_path)

    assert "12345" not in str(refused.value)
