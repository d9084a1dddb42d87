"""Every form in which a value stands in a Parquet file: kept exactly, or refused with the column named."""

from __future__ import annotations

import tempfile
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assembly_line import Entity, Source
from assembly_line.errors import SourceUnreadable
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.sources.source_files import write_typed
from assembly_line.features.values.arrow_columns import from_logical
from assembly_line.features.values.plain_values import plain_values
from assembly_line.instants import to_micros

USER = Entity("user", keys={"user": "int64"})
NEW_YORK, TOKYO = "America/New_York", "Asia/Tokyo"
LAST = to_micros(datetime.max.replace(tzinfo=UTC))
FIRST = to_micros(datetime.min.replace(tzinfo=UTC))
DAY = 86_400_000_000
LAST_DAY, FIRST_DAY = 2_932_896, -719_162
IDENTIFIER = uuid.UUID("12345678-1234-5678-1234-567812345678")
BIG = 2**53
# The first microsecond that nanoseconds in 64 bits reach, rounded down.
NS = -(2**63) // 1000


def decimals(*values: str | int | None, digits: int = 38, scale: int = 0) -> pa.Array:
    kind = pa.decimal256(digits, scale) if digits > 38 else pa.decimal128(digits, scale)
    return pa.array([None if value is None else Decimal(value) for value in values], kind)


def of_type(kind: str, zone: str = "UTC") -> Source:
    """A source of facts with a column v of a type."""
    return Source(name="raw", entities=(USER,), columns={"user": "int64", "v": kind}, zone=zone, static=True)


def written(folder: Path, values: pa.Array, **options: Any) -> Path:
    path = folder / "raw.parquet"
    pq.write_table(pa.table({"user": pa.array(range(len(values)), pa.int64()), "v": values}), path, **options)
    return path


def typed(source: Source, path: Path, folder: Path) -> tuple[list[Any], tuple[str, ...]]:
    """The values of v by user, read by both engines' readers, and the columns said to be inexact."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    parts = write_typed(source, path, folder)
    found: dict[Any, Any] = {}
    for part in parts:
        columns = read_dataset(part.path)
        found |= zip(plain_values(columns["user"]), plain_values(columns["v"]), strict=True)
        with pq.ParquetFile(part.path) as file:
            again = from_logical(file.read(["v"]).column("v").combine_chunks(), source.columns["v"])
        assert repr(plain_values(again)) == repr(plain_values(columns["v"]))
    return [found[user] for user in sorted(found)], parts[0].inexact


# Declared type, what stands in the file, what is read.
KEPT: list[tuple[str, pa.Array, list[Any]]] = [
    ("int64", pa.array([1, None, 2**63 - 1], pa.uint64()), [1, None, 2**63 - 1]),
    ("int64", pa.array([-128, 127], pa.int8()), [-128, 127]),
    ("int64", pa.array([2**63 - 1, -(2**63)]), [2**63 - 1, -(2**63)]),
    ("int64", decimals(BIG + 1, -(2**63)), [BIG + 1, -(2**63)]),
    ("int64", decimals("7.00", digits=9, scale=2), [7]),
    ("int64", decimals("1", digits=38, scale=37), [1]),
    ("int64", pa.array([float(BIG - 1), None]), [BIG - 1, None]),
    ("int64", pa.array([2.0**24 - 1], pa.float32()), [2**24 - 1]),
    ("int64", pa.nulls(2), [None, None]),
    ("float64", pa.array([BIG, -BIG]), [float(BIG), -float(BIG)]),
    ("float64", decimals("1.10", None, digits=9, scale=2), [1.1, None]),
    ("float64", decimals("0.1", "123456.789", digits=38, scale=30), [0.1, 123456.789]),
    ("float64", decimals(BIG, 10**30), [float(BIG), 1e30]),
    ("float64", pa.array([1.5, float("nan"), float("inf")], pa.float32()), [1.5, float("nan"), float("inf")]),
    ("float64", pa.array([0.5], pa.float16()), [0.5]),
    ("float64", pa.nulls(1), [None]),
    ("decimal(9,2)", decimals("1.25", "9999999.99", digits=38, scale=20), [Decimal("1.25"), Decimal("9999999.99")]),
    ("decimal(9,2)", pa.array([7, None]), [Decimal("7.00"), None]),
    ("decimal(18,0)", decimals("1", digits=38, scale=37), [Decimal(1)]),
    ("decimal(9,2)", pa.nulls(1), [None]),
    ("string", pa.array(["a", "", None], pa.large_string()), ["a", "", None]),
    ("string", pa.array(["é", "e\u0301", "a\0b"]).dictionary_encode(), ["é", "e\u0301", "a\0b"]),
    ("string", pa.array(['{"a": 1}', None], pa.json_()), ['{"a": 1}', None]),
    ("string", pa.array([IDENTIFIER.bytes, None], pa.uuid()), [str(IDENTIFIER), None]),
    ("string", pa.nulls(1), [None]),
    ("boolean", pa.array([True, None]), [True, None]),
    ("boolean", pa.nulls(1), [None]),
    ("date", pa.array([0, LAST_DAY, FIRST_DAY, None], pa.date32()), [0, LAST_DAY, FIRST_DAY, None]),
    ("date", pa.array([0, 86_400_000], pa.date64()), [0, 1]),
    ("date", pa.array([-86_400, 0], pa.timestamp("s")), [-1, 0]),
    ("date", pa.array([-86_400_000_000_000, None], pa.timestamp("ns")), [-1, None]),
    # Infinity, as DuckDB writes it, and days outside the years 1 to 9999 are the nearest day inside.
    ("date", pa.array([2**31 - 1, -(2**31) + 1, LAST_DAY + 1, FIRST_DAY - 1], pa.date32()), [LAST_DAY, FIRST_DAY] * 2),
    ("date", pa.nulls(1), [None]),
    ("timestamp", pa.array([-1, 1, None], pa.timestamp("s")), [-1_000_000, 1_000_000, None]),
    ("timestamp", pa.array([-1, 1], pa.timestamp("ms")), [-1000, 1000]),
    ("timestamp", pa.array([-1, 1], pa.timestamp("us")), [-1, 1]),
    ("timestamp", pa.array([-1, 1], pa.timestamp("us", NEW_YORK)), [-1, 1]),
    ("timestamp", pa.array([-1000, 1000, None], pa.timestamp("ns")), [-1, 1, None]),
    ("timestamp", pa.array([-1000, 1000, None], pa.timestamp("ns", TOKYO)), [-1, 1, None]),
    ("timestamp", pa.array([2**63 - 1, -(2**63) + 1], pa.timestamp("us")), [LAST, FIRST]),
    ("timestamp", pa.array([2**63 - 1, -(2**63) + 1], pa.timestamp("us", "UTC")), [LAST, FIRST]),
    ("timestamp", pa.array([2**63 - 1, -(2**63) + 1], pa.timestamp("ns", "UTC")), [LAST, FIRST]),
    ("timestamp", pa.array([-(2**63), -(2**63) + 2, -999, 999], pa.timestamp("ns", TOKYO)), [NS, NS, -1, 0]),
    ("timestamp", pa.array([-(2**63), -(2**63) + 2, -1001, 2**63 - 2], pa.timestamp("ns")), [NS, NS, -2, -NS - 1]),
    ("timestamp", pa.array([LAST, LAST + 1, FIRST, FIRST - 1], pa.timestamp("us")), [LAST, LAST, FIRST, FIRST]),
    ("timestamp", pa.nulls(1), [None]),
]


@pytest.mark.parametrize(("kind", "values", "expected"), KEPT)
def test_a_value_is_kept_exactly(tmp_path: Path, kind: str, values: pa.Array, expected: list[Any]) -> None:
    found, _ = typed(of_type(kind), written(tmp_path, values), tmp_path)

    assert repr(found) == repr(expected)


# Declared type, what stands in the file, what the refusal says.
REFUSED: list[tuple[str, pa.Array, str]] = [
    ("int64", pa.array([float(BIG)]), "column v: 1 values"),
    ("int64", pa.array([2.0**24], pa.float32()), "column v: 1 values"),
    ("int64", pa.array([1e300, float("nan"), float("inf"), 0.5, 1.0]), "column v: 4 values"),
    ("int64", pa.array([2**63], pa.uint64()), "column v: 1 values, such as 9223372036854775808"),
    ("int64", decimals(2**63, "1"), "column v: 1 values"),
    ("int64", decimals("1.5", digits=9, scale=1), "column v: 1 values, such as 1.5"),
    ("int64", decimals("1.0000000000000000000000000000000000001", scale=37), "column v: 1 values"),
    ("int64", pa.array([True]), "column v is BOOLEAN"),
    ("int64", pa.array(["1"]), "column v is VARCHAR"),
    ("float64", pa.array([BIG + 1, -BIG - 1, 1]), "column v: 2 values"),
    ("float64", decimals(BIG + 1, -BIG - 1, 1), "column v: 2 values, such as 9007199254740993"),
    ("float64", decimals("0." + "3" * 20, digits=38, scale=20), "column v: 1 values"),
    ("float64", decimals(1, digits=60, scale=2), "column v is DECIMAL(60,2)"),
    ("decimal(9,2)", decimals("1.255", digits=9, scale=3), "column v: 1 values, such as 1.255"),
    ("decimal(9,2)", decimals("10000000", digits=9, scale=0), "column v: 1 values"),
    ("decimal(9,2)", decimals("1.0000000000000000000000000000000000001", scale=37), "column v: 1 values"),
    ("decimal(9,2)", pa.array([1.25]), "column v is DOUBLE"),
    ("string", pa.array([1]), "column v is BIGINT"),
    ("string", pa.array([b"a"]), "column v is BLOB"),
    ("string", pa.array([time(1, 2)]), "column v is TIME"),
    ("string", pa.array([["a"]]), "column v is VARCHAR[]"),
    ("string", pa.array([{"a": "b"}]), "column v is STRUCT"),
    ("string", pa.array([b"\xed\xa0\x80"]).view(pa.string()), "cannot be read as Parquet"),
    ("boolean", pa.array([1]), "column v is BIGINT"),
    ("date", pa.array([1], pa.timestamp("us")), "column v: 1 values"),
    ("date", pa.array([1, 86_400_000_000_000], pa.timestamp("ns")), "column v: 1 values"),
    ("date", pa.array([0], pa.timestamp("us", "UTC")), "column v is TIMESTAMP WITH TIME ZONE"),
    ("date", pa.array([0], pa.timestamp("ns", "UTC")), "column v is TIMESTAMPTZ_NS"),
    ("date", pa.array([0]), "column v is BIGINT"),
    ("timestamp", pa.array([0], pa.date32()), "column v is DATE"),
    ("timestamp", pa.array([time(1, 2)]), "column v is TIME"),
    ("timestamp", pa.array([0]), "column v is BIGINT"),
    ("timestamp", pa.array([2**62], pa.timestamp("ms")), "column v: a time in milliseconds lies beyond"),
    ("timestamp", pa.array([None, -(2**62), 1], pa.timestamp("ms", "UTC")), "column v: a time in milliseconds lies"),
]


@pytest.mark.parametrize(("kind", "values", "said"), REFUSED)
def test_a_value_that_would_change_is_refused(tmp_path: Path, kind: str, values: pa.Array, said: str) -> None:
    with pytest.raises(SourceUnreadable) as refused:
        typed(of_type(kind), written(tmp_path, values), tmp_path)

    assert said in str(refused.value)


@pytest.mark.parametrize("form", ["naive", "zoned", "INT96"])
@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({"event_time": "v", "delay": timedelta(0)}, [0, 1, 1, 2]),
        ({"event_time": "since", "known_time": "v"}, [0, 1, 1, 2]),
        ({"event_time": "since", "delay": timedelta(0), "valid_until": "v"}, [-1, 0, 1, 1]),
        ({"static": True}, [-1, 0, 1, 1]),
    ],
)
def test_digits_finer_than_microseconds_round_to_where_nothing_leaks(
    tmp_path: Path, form: str, roles: dict[str, Any], expected: list[int]
) -> None:
    values = pa.array([-1, 1, 1000, 1001], pa.timestamp("ns", "UTC" if form == "zoned" else None))
    table = pa.table({"user": range(4), "v": values, "since": [date(1970, 1, 1)] * 4})
    path = tmp_path / "raw.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=form == "INT96")
    columns = {"user": "int64", "v": "timestamp", "since": "date"}
    source = Source(name="raw", entities=(USER,), columns=columns, zone="UTC", **roles)

    found, inexact = typed(source, path, tmp_path)

    assert found == expected
    assert inexact == ("v",)


@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, TOKYO])
def test_int96_is_an_instant_in_utc_whatever_the_zone_of_the_source(tmp_path: Path, zone: str) -> None:
    """As Spark and awswrangler write it; years that nanoseconds in 64 bits cannot hold included."""
    instants = [0, -1, LAST, FIRST, to_micros(datetime(2024, 7, 1, 12, tzinfo=UTC))]
    values = pa.array([*instants, None], pa.timestamp("us"))

    found, inexact = typed(
        of_type("timestamp", zone), written(tmp_path, values, use_deprecated_int96_timestamps=True), tmp_path
    )

    assert found == [*instants, None]
    assert inexact == ()


def test_int96_midnights_are_days_in_utc_alone(tmp_path: Path) -> None:
    path = written(tmp_path, pa.array([0, DAY], pa.timestamp("us")), use_deprecated_int96_timestamps=True)

    assert typed(of_type("date"), path, tmp_path)[0] == [0, 1]
    with pytest.raises(SourceUnreadable, match=r"column v is INT96, .* declared date \(an instant in UTC, not a day\)"):
        typed(of_type("date", NEW_YORK), path, tmp_path)


@pytest.mark.parametrize(
    ("value", "inexact"),
    [("'infinity'::TIMESTAMP", ()), ("'-infinity'::TIMESTAMP", ()), ("TIMESTAMP '10000-01-01'", ("v",)),
     ("TIMESTAMP '0001-12-31 (BC)'", ("v",)), ("TIMESTAMP '9999-12-31'", ())],
)  # fmt: skip
@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, TOKYO])
def test_a_time_without_a_date_is_said_to_be_inexact_and_infinity_is_not(
    tmp_path: Path, zone: str, value: str, inexact: tuple[str, ...]
) -> None:
    path = tmp_path / "raw.parquet"
    duckdb.execute(f"COPY (SELECT 1::BIGINT AS user, {value} AS v) TO '{path}' (FORMAT parquet)")

    found, chosen = typed(of_type("timestamp", zone), path, tmp_path)

    assert FIRST <= found[0] <= LAST
    assert chosen == inexact


@pytest.mark.parametrize("name", ["filename", "file_row_number", "file_index", "rowid", "raw", "typed", "v", "select"])
def test_a_column_may_have_any_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "raw.parquet"
    pq.write_table(pa.table({"user": [1, 2], name: [10, 20]}), path)
    source = Source(name="raw", entities=(USER,), columns={"user": "int64", name: "int64"}, static=True)

    parts = write_typed(source, path, tmp_path)

    assert plain_values(read_dataset(parts[0].path)[name]) == [10, 20]


def test_a_column_that_only_duckdb_knows_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, pa.array([1]))
    source = Source(name="raw", entities=(USER,), columns={"user": "int64", "filename": "string"}, static=True)

    with pytest.raises(SourceUnreadable, match="has no column 'filename', which is declared; it has user, v"):
        write_typed(source, path, tmp_path)


@pytest.mark.parametrize("names", [("v", "V"), ("V", "v")])
def test_columns_are_told_apart_by_case(tmp_path: Path, names: tuple[str, str]) -> None:
    path = tmp_path / "raw.parquet"
    pq.write_table(pa.table({"user": [1], names[0]: [names[0]], names[1]: [names[1]]}), path)

    assert typed(of_type("string"), path, tmp_path)[0] == ["v"]


def test_a_column_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "raw.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array([1])] * 3, names=["user", "v", "v"]), path)

    with pytest.raises(SourceUnreadable, match="has 2 columns 'v'; expected one"):
        write_typed(of_type("int64"), path, tmp_path)


NAMES = ["plain", "v=7", "user=5", "a*", "a?", "[ab]", "{x,y}", "it's", "%41", "a b", "é"]


@pytest.mark.parametrize("name", NAMES)
def test_the_very_file_that_is_named_is_read_whatever_folders_and_names_say(tmp_path: Path, name: str) -> None:
    for folder in (name, "ab", "a", "plain"):
        (tmp_path / folder).mkdir(exist_ok=True)
    for folder, file, value in (("ab", "x", 1), ("a", "x", 2), ("ab", "ab", 3), (name, "ab", 4), (name, name, 5)):
        path = tmp_path / folder / f"{file}.parquet"
        pq.write_table(pa.table({"user": pa.array([value]), "v": pa.array([value])}), path)
    target = tmp_path / name / "typed here"
    target.mkdir()

    parts = write_typed(of_type("int64"), tmp_path / name / f"{name}.parquet", target)

    assert plain_values(read_dataset(parts[0].path)["v"]) == [5]


UNREADABLE_NAMES = {
    "a backslash beside a pattern": ("a\\[1].parquet", "has a backslash beside one of"),
    "a backslash in a folder": ("a\\b/e[1].parquet", "has a backslash beside one of"),
    "a backslash behind a pattern": ("e?\\b.parquet", "has a backslash beside one of"),
    "no UTF-8": ("e\udcff.parquet", "is not UTF-8"),
}


@pytest.mark.parametrize("why", UNREADABLE_NAMES)
def test_a_name_that_cannot_be_read_is_to_be_changed(tmp_path: Path, why: str) -> None:
    name, said = UNREADABLE_NAMES[why]
    (tmp_path / name).parent.mkdir(exist_ok=True)
    written(tmp_path, pa.array([1])).rename(tmp_path / name)

    with pytest.raises(SourceUnreadable, match=f"^source raw: .*its path .*{said}.*rename it"):
        write_typed(of_type("int64"), tmp_path / name, tmp_path)


@pytest.mark.parametrize("name", ["a" * 300, "a" * 300 + "/e.parquet", "e/" * 3000 + "e"])
def test_a_name_that_no_folder_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        SourceUnreadable, match=r"^source raw: .*cannot be opened \(File name too long\); expected the path"
    ):
        write_typed(of_type("int64"), tmp_path / name, tmp_path)


def test_a_file_may_be_a_link_to_another_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    there = written(tmp_path / "elsewhere", pa.array([1]))
    link = tmp_path / "here" / "raw.parquet"
    link.symlink_to(there)

    assert typed(of_type("int64"), link, tmp_path)[0] == [1]


def test_an_empty_text_is_no_key(tmp_path: Path) -> None:
    person = Entity("person", keys={"person": "string"})
    source = Source(name="raw", entities=(person,), columns={"person": "string", "note": "string"}, static=True)
    path = tmp_path / "raw.parquet"
    pq.write_table(pa.table({"person": ["a", "", " ", None, ""], "note": ["", "", "", "", ""]}), path)

    with pytest.raises(SourceUnreadable, match=r"key column person: 2 rows hold an empty text \(row 2, 5\)"):
        write_typed(source, path, tmp_path)
