"""The one-machine engine gives what the rules say, on random small worlds and at the edges where others went wrong."""

from __future__ import annotations

import math
import operator
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assembly_line import calendar_days, column, days, hours, months, weeks, years
from assembly_line.declarations.features import Aggregate, AggregateKind
from assembly_line.declarations.lines import Line
from assembly_line.declarations.predicates import OPERATORS, Comparison, Predicate
from assembly_line.declarations.sources import Source
from assembly_line.features.engines import duckdb_groups, engine_duckdb
from assembly_line.features.engines.duckdb_reader import DuckdbReader
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import SPRING, random_world
from tests.unit.features.small_world import NEW_YORK, SmallLake, Tables, a_line, rows_of

ALL = {"purpose": "scoring", "as_of": "2030-01-01", "from": "2000-01-01", "to": "2030-01-01"}
MICROSECOND = timedelta(microseconds=1)
NOTHING: dict[str, list[dict[str, Any]]] = {
    name: [] for name in ("events", "late", "daily", "contracts", "prices", "visits", "invited", "people")
}
EVENT = dict.fromkeys(("n", "x", "s", "b", "d", "day", "ts"))


LORD_HOWE = "Australia/Lord_Howe"
VALUES_COMPARED: dict[str, list[Any]] = {
    "n": [-1, 0, 1],
    "x": [0, 0.1, -0.0, 1e16, math.inf, math.nan],
    "s": ["", "a", "b", "\u00e9", "\U0001f600"],
    "b": [True, False],
    "d": [Decimal("0.1"), Decimal("-12345.67"), 0],
    "day": [date(2017, 3, 12), date(2016, 3, 1)],
    "ts": [SPRING + hours(3), datetime(2017, 11, 5, 1, tzinfo=ZoneInfo(NEW_YORK))],
    "user": ["ada", "bob"],
}


def simple_predicates(name: str) -> st.SearchStrategy[Predicate]:
    values = st.sampled_from(VALUES_COMPARED[name])
    operators = st.sampled_from(OPERATORS)
    return st.one_of(
        st.builds(lambda operator, value: Comparison(column=name, operator=operator, value=value), operators, values),
        st.lists(values, min_size=1, max_size=2).map(column(name).isin),
        st.just(column(name).is_null()),
    )


def combined(parts: st.SearchStrategy[Predicate]) -> st.SearchStrategy[Predicate]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        parts.map(operator.invert), pairs.map(lambda two: two[0] & two[1]), pairs.map(lambda two: two[0] | two[1])
    )


PREDICATES = st.recursive(st.sampled_from(list(VALUES_COMPARED)).flatmap(simple_predicates), combined, max_leaves=4)
LINES = st.fixed_dictionaries(
    {
        "where": PREDICATES,
        "calendar": st.sampled_from(
            [
                calendar_days(1, zone=NEW_YORK),
                calendar_days(2, zone=LORD_HOWE),
                weeks(1, zone=LORD_HOWE),
                months(1, zone=NEW_YORK),
                months(1, zone=LORD_HOWE),
                months(12, zone="UTC"),
                years(1, zone=NEW_YORK),
                years(999, zone=NEW_YORK),
            ]
        ),
        "window": st.sampled_from([hours(1), hours(24), days(3), MICROSECOND, timedelta.max]),
        "boundary": st.sampled_from(["before", "at_or_before"]),
        "delay": st.sampled_from([timedelta(0), MICROSECOND, hours(1), hours(25)]),
        "time_column": st.sampled_from(["opens", "first_day"]),
        "horizon": st.sampled_from([None, hours(30)]),
    }
)
# A world is named by its seed: nothing about it would become simpler by shrinking.
PHASES = (Phase.explicit, Phase.generate)


def test_every_aggregate_is_among_what_is_compared() -> None:
    compared = {feature.kind for feature in a_line().features.values() if isinstance(feature, Aggregate)}
    assert compared == set(get_args(AggregateKind))


@settings(max_examples=25, phases=PHASES)
@given(parts=LINES, seed=st.integers(0, 10**6), wide=st.booleans())
def test_every_feature_is_what_the_rules_say(parts: dict[str, Any], seed: int, wide: bool) -> None:
    line, world = a_line(**parts), random_world(seed, wide=wide)

    assert_equal(line, build(line, world, ALL), reference.dataset(line, world, list(line.features)))


@settings(max_examples=15, phases=PHASES)
@given(parts=LINES, seed=st.integers(0, 10**6), hour=st.integers(24, 120))
def test_training_holds_the_mature_decisions_with_their_outcomes(parts: dict[str, Any], seed: int, hour: int) -> None:
    line, world = a_line(**parts), random_world(seed)
    as_of = min(row["at"] for row in world["events"] if row["at"]) + timedelta(hours=hour)
    names = ["daily_count", "kind"]
    request = {"purpose": "training", "as_of": as_of.isoformat(), "features": names}

    assert_equal(line, build(line, world, request), reference.dataset(line, world, names, as_of=as_of))


def test_the_random_worlds_reach_what_they_are_meant_to_reach() -> None:
    """Else the two tests above would pass by saying nothing."""
    line = a_line()
    rows = [row for seed in range(5) for row in reference.dataset(line, random_world(seed), list(line.features))]
    filled = Counter(name for row in rows for name, value in row.items() if value not in (None, 0))
    repeated = Counter((row["user"], row["visit"], row["decision_time"]) for row in rows)

    assert len(rows) > 100
    assert all(filled[name] for name in line.features)
    assert max(repeated.values()) > 1


@pytest.mark.parametrize("few", [0, 1000])
def test_a_part_of_the_entities_at_a_time_gives_the_same_dataset(
    few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether each part is read from the files of its source, or all are divided among the parts first."""
    lake = SmallLake(a_line(), random_world(1), tmp_path)
    whole = rows_of(lake.build(ALL, tmp_path / "whole.parquet"))
    monkeypatch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: 40)
    monkeypatch.setattr(duckdb_groups, "FEW_PARTS", few)
    before = {path.name for path in tmp_path.iterdir()}

    assert repr(rows_of(lake.build(ALL, tmp_path / "parts.parquet"))) == repr(whole)
    assert {path.name for path in tmp_path.iterdir()} - before == {"parts.parquet"}


def test_many_parts_need_no_more_readings_of_a_source_than_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of each entity are counted, then divided: twice the files, however much larger than memory they are."""
    lake = SmallLake(a_line(), random_world(1, events=400, decisions=90), tmp_path)
    monkeypatch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: 100)
    readings, parts = list[str](), list[int]()
    joined, divided = DuckdbReader._joined, DuckdbReader.divided

    def reading(reader: DuckdbReader, source: Source, *others: Any, **options: Any) -> Any:
        readings.append(source.name)
        return joined(reader, source, *others, **options)

    def dividing(reader: DuckdbReader, *others: Any) -> Any:
        parts.append(len(others[-1]))
        return divided(reader, *others)

    monkeypatch.setattr(DuckdbReader, "_joined", reading)
    monkeypatch.setattr(DuckdbReader, "divided", dividing)
    lake.build({**ALL, "features": ["events_count", "events_latest_s"]}, tmp_path / "parts.parquet")

    assert parts == [4]
    assert readings.count("events") == 2


def test_the_order_of_rows_in_the_files_changes_nothing() -> None:
    world = random_world(2)
    backwards = {name: list(reversed(table)) for name, table in world.items()}

    assert repr(build(a_line(), world, ALL)) == repr(build(a_line(), backwards, ALL))


@pytest.mark.parametrize(("boundary", "seen"), [("before", [0, 0, 1, 1, 0]), ("at_or_before", [0, 1, 1, 0, 0])])
def test_a_window_holds_exactly_its_width(boundary: str, seen: list[int]) -> None:
    at = [SPRING - MICROSECOND, SPRING, SPRING + MICROSECOND, SPRING + hours(1), SPRING + hours(1) + MICROSECOND]
    world = {**NOTHING, "events": [{"user": "ada", "at": SPRING, **EVENT}], **visits_at(*at)}

    rows = build(a_line(boundary=boundary, window=hours(1)), world, {**ALL, "features": ["events_count"]})

    assert [row["events_count"] for row in rows] == seen


def test_an_event_is_seen_once_it_is_known_and_not_before() -> None:
    late = {"user": "ada", "at": SPRING, "known": SPRING + hours(5), **EVENT, "n": 1}
    never = {**late, "known": None, "n": 2}
    world = {**NOTHING, "late": [late, never], **visits_at(SPRING + hours(5) - MICROSECOND, SPRING + hours(5))}

    rows = build(a_line(), world, {**ALL, "features": ["late_count", "late_latest_n"]})

    assert [(row["late_count"], row["late_latest_n"]) for row in rows] == [(0, None), (1, 1)]


def test_of_two_versions_of_one_event_the_one_known_last_is_the_latest() -> None:
    versions = [{"user": "ada", "at": SPRING, "known": SPRING + hours(k), **EVENT, "n": n} for k, n in ((2, 1), (1, 9))]
    world = {**NOTHING, "late": versions, **visits_at(SPRING + hours(1), SPRING + hours(2))}

    rows = build(a_line(), world, {**ALL, "features": ["late_latest_n"]})

    assert [row["late_latest_n"] for row in rows] == [9, 1]


def test_a_null_that_is_latest_is_the_answer() -> None:
    events = [{"user": "ada", "at": SPRING + hours(h), **EVENT, "n": n} for h, n in ((0, 7), (1, None))]
    world = {**NOTHING, "events": events, **visits_at(SPRING + hours(1), SPRING + hours(2))}

    rows = build(a_line(), world, {**ALL, "features": ["events_latest_n"]})

    assert [row["events_latest_n"] for row in rows] == [7, None]


def test_a_fact_holds_from_its_beginning_until_its_end_as_far_as_it_was_known() -> None:
    """Announced a day ahead; its end is not of the fact any more."""
    gold = {
        "user": "ada",
        "begins": SPRING,
        "announced": SPRING - days(1),
        "ends": SPRING + hours(5),
        "plan": "g",
        "n": 1,
    }
    late = {**gold, "begins": SPRING + hours(1), "announced": SPRING + hours(3), "ends": None, "plan": "late"}
    times = [SPRING, SPRING + MICROSECOND, SPRING + hours(3) - MICROSECOND, SPRING + hours(3), SPRING + hours(9)]
    for rows, expected in (
        ([gold], [None, "g", "g", "g", None]),
        ([gold, late], [None, "g", "g", "late", "late"]),
        ([{**gold, "plan": None}, {**gold, "begins": SPRING - days(1)}], ["g", None, None, None, None]),
    ):
        world = {**NOTHING, "contracts": rows, **visits_at(*times)}

        assert [row["plan"] for row in build(a_line(), world, {**ALL, "features": ["plan"]})] == expected


def test_a_fact_in_days_ends_with_its_last_day() -> None:
    """New York's clocks are set forward on 12 March: that day ends at 4:00 UTC."""
    prices = [{"visit": 1, "from_day": date(2017, 3, 10), "to_day": date(2017, 3, 12), "price": Decimal("1.50")}]
    end = datetime(2017, 3, 13, 4, tzinfo=UTC)
    world = {**NOTHING, "prices": [{**prices[0], "visit": number} for number in (0, 1)]}

    rows = build(a_line(), {**world, **visits_at(end - MICROSECOND, end)}, {**ALL, "features": ["price"]})

    assert [row["price"] for row in rows] == [Decimal("1.50"), None]


def test_a_predicate_chooses_before_the_latest_is_chosen() -> None:
    events = [
        {"user": "ada", "at": SPRING + hours(h), **EVENT, "n": n, "s": s} for h, n, s in ((0, 7, "a"), (1, 8, None))
    ]
    world = {**NOTHING, "events": events, **visits_at(SPRING + hours(2))}
    names = ["events_latest_n", "events_where_latest_n", "events_where_since", "events_share"]

    (row,) = build(a_line(where=column("s") == "a"), world, {**ALL, "features": names})

    assert [row[name] for name in names] == [8, 7, 2 / 24, 0.5]


def test_a_day_happens_and_is_known_at_its_end_where_it_happened() -> None:
    """New York's clocks are set forward on 12 March: the day ends at 4:00 UTC, the days before at 5:00."""
    events = [{"user": "ada", "visit": 1, "on": date(2017, 3, day), "n": 1} for day in (11, 12)]
    ends = [datetime(2017, 3, 12, 5, tzinfo=UTC), datetime(2017, 3, 13, 4, tzinfo=UTC)]
    times = [moment + step for moment in ends for step in (timedelta(0), MICROSECOND)]
    world = {**NOTHING, "daily": events, **visits_at(*times)}

    rows = build(a_line(), world, {**ALL, "features": ["daily_count"]})

    assert [row["daily_count"] for row in rows] == [0, 1, 1, 2]


def test_a_decision_on_a_day_is_made_at_its_start() -> None:
    world = {**NOTHING, "invited": [{"user": "ada", "visit": 1}]}
    world["visits"] = [visit(1, first_day=date(2017, 3, 13))]

    rows = build(a_line(time_column="first_day"), world, {**ALL, "features": ["kind"]})

    assert rows[0]["decision_time"] == datetime(2017, 3, 13, 4, tzinfo=UTC)


def test_sums_of_huge_and_tiny_numbers_keep_their_digits() -> None:
    values = [1e16, 1.0, -1e16, 0.1]
    events = [{"user": "ada", "at": SPRING, **EVENT, "x": value} for value in values]
    world = {**NOTHING, "events": events, **visits_at(SPRING + hours(1))}

    rows = build(a_line(), world, {**ALL, "features": ["events_sum_x"]})

    assert math.isclose(rows[0]["events_sum_x"], 1.1, rel_tol=1e-12)


def test_a_spine_without_decisions_gives_a_dataset_without_rows(tmp_path: Path) -> None:
    line = a_line()
    columns = SmallLake(line, random_world(3), tmp_path).build(
        {**ALL, "from": "2001-01-01", "to": "2002-01-01"}, tmp_path / "data.parquet"
    )

    assert list(columns) == ["decision_id", "decision_time", "user", "visit", *line.features]
    assert {len(column) for column in columns.values()} == {0}


def visit(number: int, **times: Any) -> dict[str, Any]:
    return {"visit": number, "opens": None, "first_day": None, "closes": None, "kind": None, **times}


def visits_at(*times: datetime) -> dict[str, list[dict[str, Any]]]:
    """Ada is invited at each of these times."""
    return {
        "visits": [visit(number, opens=moment) for number, moment in enumerate(times)],
        "invited": [{"user": "ada", "visit": number} for number in range(len(times))],
    }


def build(line: Line, world: Tables, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as place:
        return rows_of(SmallLake(line, world, Path(place)).build(request, Path(place) / "data.parquet"))
