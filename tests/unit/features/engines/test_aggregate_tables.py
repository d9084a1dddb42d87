"""An aggregate table says what a plain group-by over the same events says, whatever their order and the hour."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from assembly_line import aggregate, measure
from assembly_line.declarations.explore.tables import AggregateTable
from assembly_line.errors import DeclarationError
from assembly_line.features.explore.aggregation import aggregated, columns_read, columns_written, with_periods
from assembly_line.features.explore.periods import local_days
from assembly_line.features.values.arrow_columns import from_logical, logical_type
from assembly_line.features.values.columns import Column
from assembly_line.features.values.plain_values import same
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import DAILY, EVENTS, NEW_YORK, USER, Row, rows_of
from tests.unit.features.view_world import WHOLE

import pyarrow as pa  # isort: skip
import numpy as np  # isort: skip

MEASURES = {
    "number": measure("count"),
    "sum_n": measure("sum", "n"),
    "mean_n": measure("mean", "n"),
    "mean_x": measure("mean", "x"),
    "sum_d": measure("sum", "d"),
    "least_s": measure("min", "s"),
    "greatest_x": measure("max", "x"),
    "towns": measure("distinct", "s"),
}
TABLES = {
    "day": aggregate("by_day", EVENTS, by=USER, period="day", zone=NEW_YORK, measures=MEASURES),
    "week": aggregate("by_week", EVENTS, columns=("b", "s"), period="week", measures=MEASURES),
    "month": aggregate("by_month", EVENTS, period="month", zone=NEW_YORK, measures=MEASURES),
    "dates": aggregate("of_dates", DAILY, by=USER, period="week", measures={"sum_n": measure("sum", "n")}),
}


def columns_of(table: AggregateTable, rows: Sequence[Row]) -> dict[str, Column]:
    return {
        name: from_logical(pa.array([row[name] for row in rows], logical_type(kind)), kind)
        for name, kind in columns_read(table).items()
    }


def expected(table: AggregateTable, rows: Sequence[Row]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """By the words of the declaration, row by row."""
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    keys = [key for entity in table.by for key in entity.keys]
    for row in rows:
        at = row[table.source.event_time or ""]
        if at is None or any(row[key] is None for key in keys):
            continue
        day = at.astimezone(ZoneInfo(table.zone)).date() if isinstance(at, datetime) else at
        first = {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[table.period]
        groups[(first, *(row[name] for name in table.groups))].append(row)
    return {group: {name: said(one, of) for name, one in table.measures.items()} for group, of in groups.items()}


def said(one: Any, rows: Sequence[Row]) -> Any:
    if one.kind == "count":
        return len(rows)
    values = [row[one.column] for row in rows if row[one.column] is not None]
    if one.kind == "distinct":
        return len(set(values))
    if not values:
        return None
    if one.kind in ("min", "max"):
        odd = [value for value in values if isinstance(value, float) and math.isnan(value)]
        rest = [value for value in values if value not in odd]
        return (odd or [max(rest)])[0] if one.kind == "max" else min(rest or odd)
    if isinstance(values[0], Decimal | int):
        total = sum(values)
        return total if one.kind == "sum" else float(total) / len(values)
    special = {value for value in values if not math.isfinite(value)}
    if special:
        return special.pop() if len(special) == 1 else math.nan
    return float(sum(map(Fraction, values)) / len(values))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("seed", range(4))
def test_every_group_says_what_its_events_say(name: str, seed: int) -> None:
    table, world = TABLES[name], random_world(seed, events=300)
    rows = list(world[table.source.name])
    random.Random(seed).shuffle(rows)  # noqa: S311

    found = rows_of(aggregated(table, with_periods(table, columns_of(table, rows))))

    wanted = expected(table, rows)
    assert [*found[0]] == [*columns_written(table)]
    assert {(row["period_start"], *(row[name] for name in table.groups)) for row in found} == set(wanted)
    assert len(found) == len(wanted) >= 1
    for row in found:
        for measured, value in wanted[(row["period_start"], *(row[name] for name in table.groups))].items():
            assert same(row[measured], value, rounded=True), (measured, row[measured], value)


def test_a_source_without_events_gives_a_table_without_rows() -> None:
    table = TABLES["day"]

    assert rows_of(aggregated(table, with_periods(table, columns_of(table, [])))) == []


def test_days_are_those_of_the_zone_on_the_nights_when_clocks_change() -> None:
    zone = ZoneInfo(NEW_YORK)
    moments = [
        datetime(2017, month, day, tzinfo=UTC) + timedelta(minutes=30 * step)
        for month, day in ((3, 11), (3, 12), (11, 4), (11, 5))
        for step in range(96)
    ]
    micros = np.array([round(moment.timestamp()) * 1_000_000 for moment in moments])

    found = local_days(micros, NEW_YORK).tolist()

    assert found == [(moment.astimezone(zone).date() - date(1970, 1, 1)).days for moment in moments]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"measures": {"total": measure("sum", "s")}}, "sum of column s, which is string"),
        ({"measures": {}}, "measures is empty"),
        ({"measures": {"user": measure("count")}}, "'user'"),
        ({"measures": {"month": measure("count")}}, "'month'"),
        ({"columns": ("x",)}, "column x is float64"),
        ({"columns": ("nothing",)}, "no column 'nothing'"),
        ({"refresh": "every day"}, "daily at 05:00"),
        ({"refresh": "daily at 24:00"}, "daily at 05:00"),
        ({"zone": "Nowhere"}, "is not an IANA time zone"),
        ({"name": "a table"}, "expected 1 to 63 letters"),
    ],
)
def test_a_table_that_cannot_be_is_refused_when_it_is_declared(wrong: dict[str, Any], named: str) -> None:
    given: dict[str, Any] = {
        "name": "t",
        "period": "day",
        "measures": {"number": measure("count")},
        "by": USER,
        **wrong,
    }

    with pytest.raises(DeclarationError) as refused:
        aggregate(given.pop("name"), EVENTS, **given)

    assert named in str(refused.value)


def test_a_view_is_refused_as_it_has_no_snapshot_of_its_own() -> None:
    with pytest.raises(DeclarationError, match="is a view; name a loaded source"):
        aggregate("t", WHOLE, by=USER, period="day", measures={"number": measure("count")})
