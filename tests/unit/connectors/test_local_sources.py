"""A table in memory that is not the source it is given for: refused with the column and what to do, never raw."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assembly_line import Entity, Source
from assembly_line.connectors.local_sources import typed_sources
from assembly_line.errors import SourceUnreadable

USER = Entity("user", keys={"user": "int64"})
WITHOUT_SCALE = pa.array([Decimal(100)], pa.decimal128(5, -2))
NULL_IN_DICTIONARY = pa.DictionaryArray.from_arrays(pa.array([0]), pa.array([None], pa.string()))
TWICE = ["user", "v", "v"]


def of_type(kind: str) -> Source:
    return Source(name="raw", entities=(USER,), columns={"user": "int64", "v": kind}, zone="UTC", static=True)


def arrow(values: Any) -> pa.Table:
    return pa.table({"user": [1], "v": values})


REFUSED: dict[str, tuple[str, Any, str]] = {
    "a column twice in Arrow": (
        "int64",
        pa.Table.from_arrays([pa.array([1])] * 3, TWICE),
        "columns: 'v', 'v': expected one 'v'; name",
    ),
    "a column twice in a batch": (
        "int64",
        pa.RecordBatch.from_arrays([pa.array([1])] * 3, TWICE),
        "columns: 'v', 'v': expected one 'v'; name the others differently",
    ),
    "a column twice in a frame": (
        "int64",
        pd.DataFrame([[1, 2, 3]], columns=TWICE),
        "columns: 'v', 'v': expected one 'v'; name",
    ),
    "a key in the index": (
        "int64",
        pd.DataFrame({"user": [1], "v": [2]}).set_index("user"),
        r"column 'user' is in the index .*frame\.reset_index\(\)",
    ),
    "a key in an index of two": (
        "int64",
        pd.DataFrame({"user": [1], "at": [1], "v": [2]}).set_index(["at", "user"]),
        r"column 'user' is in the index .*reset_index",
    ),
    "a decimal of negative scale": ("int64", arrow(WITHOUT_SCALE), r"column v is decimal128\(5, -2\).*; cast it"),
    "a null in a dictionary": ("string", arrow(NULL_IN_DICTIONARY), "column v is dictionary.*; cast it"),
    "seconds beyond milliseconds": (
        "timestamp",
        arrow(pa.array([2**62], pa.timestamp("s"))),
        r"column v is timestamp\[s\].*4611686018427387904.*; cast it",
    ),
    "a duration": (
        "int64",
        arrow(pa.array([1], pa.duration("ns"))),
        r"column v is duration\[ns\], .*declared int64; give",
    ),
    "a duration as a decimal": ("decimal(9,2)", arrow(pa.array([1], pa.duration("s"))), r"column v is duration\[s\]"),
    "half of a surrogate pair": (
        "string",
        pd.DataFrame({"user": [1, 2], "v": pd.Series(["a", "b\ud800"], dtype=object)}),
        r"column v: 1 texts such as 'b\\ud800': expected text of valid Unicode",
    ),
    "a duration in a frame": (
        "int64",
        pd.DataFrame({"user": [1], "v": [np.timedelta64(1, "D")]}),
        r"column v is duration\[.*declared int64; give it as a number",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_table_that_is_not_the_source_is_refused_by_column(tmp_path: Path, what: str) -> None:
    kind, table, said = REFUSED[what]

    with pytest.raises(SourceUnreadable, match=f"^source raw: {said}"):
        typed_sources([of_type(kind)], {"raw": table}, tmp_path)


def test_what_stands_in_columns_that_are_not_declared_does_not_matter(tmp_path: Path) -> None:
    columns = [pa.array([1]), pa.array([2]), WITHOUT_SCALE, WITHOUT_SCALE, pa.array([1], pa.duration("s"))]
    table = pa.Table.from_arrays(columns, ["user", "v", "x", "x", "took"])

    (found,) = typed_sources([of_type("int64")], {"raw": table}, tmp_path).values()

    assert sum(part.rows for part in found.snapshot.objects) == 1


TIMES = {
    "instants with a zone": datetime(2017, 1, 1, 12, tzinfo=UTC),
    "times without a zone": pd.Timestamp("2017-01-01 12:00"),
    "days": date(2017, 1, 1),
}


@pytest.mark.parametrize("dtype", ["object", "category"])
@pytest.mark.parametrize("kind", ["timestamp", "date"])
@pytest.mark.parametrize(("first", "second"), list(permutations(TIMES, 2)))
def test_a_frame_with_times_of_two_kinds_in_one_column_is_refused(
    tmp_path: Path, kind: str, first: str, second: str, dtype: str
) -> None:
    values = pd.Series([None, TIMES[first], pd.NaT, TIMES[second]], dtype=object).astype(dtype)
    frame = pd.DataFrame({"user": [1, 2, 3, 4], "v": values})
    said = rf"source raw: column v: {first} \(2017-.*\) and {second} \(2017-.*\): expected values of one kind; make all"

    with pytest.raises(SourceUnreadable, match=said):
        typed_sources([replace(of_type(kind), zone="America/New_York")], {"raw": frame}, tmp_path)


@pytest.mark.parametrize("name", ["instants with a zone", "times without a zone"])
def test_times_of_one_kind_may_be_objects_beside_nulls(tmp_path: Path, name: str) -> None:
    values = pd.Series([None, TIMES[name], pd.NaT, TIMES[name]], dtype=object)
    frame = pd.DataFrame({"user": [1, 2, 3, 4], "v": values})

    (found,) = typed_sources([of_type("timestamp")], {"raw": frame}, tmp_path).values()

    assert sum(part.rows for part in found.snapshot.objects) == 4


def test_a_frame_may_have_an_index_beside_its_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user": [1], "v": [datetime(2024, 5, 1, tzinfo=UTC)]}).set_index("user", drop=False)

    (found,) = typed_sources([of_type("timestamp")], {"raw": frame}, tmp_path).values()

    assert sum(part.rows for part in found.snapshot.objects) == 1
