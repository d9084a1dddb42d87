"""Spines of events and generated ones: who is decided on when, and nothing that was not known then."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assembly_line import Decision, Generated, Line, Outcome, count, daily, days, every, hours, monthly, weekly
from assembly_line.declarations.populations import Cadence
from assembly_line.errors import DeclarationError, RequestRefused
from assembly_line.features.spine.occasions import occasions
from assembly_line.features.spine.populations import Stays, members
from assembly_line.features.values.columns import column_of
from assembly_line.instants import from_micros, to_micros
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import AUTUMN, SPRING, random_world
from tests.unit.features.small_world import DAILY, EVENTS, LATE, NEW_YORK, USER, SmallLake, Tables, a_line, rows_of

MICROSECOND = timedelta(microseconds=1)
PEOPLE = a_line().sources["people"]
MEMBERS = replace(PEOPLE, name="members", columns={**PEOPLE.columns, "left": "timestamp"})
CADENCES: list[Cadence] = [
    daily(at="02:30", zone=NEW_YORK),
    daily(at="01:30", zone=NEW_YORK),
    weekly(on="sunday", at="02:00", zone=NEW_YORK),
    monthly(on=31, at="00:00", zone="Europe/Berlin"),
    every(hours(5), anchor=datetime(2019, 1, 1, 3, tzinfo=UTC)),
]


def line_over(spine: Any, time: str | None = None, boundary: Any = "before") -> Line:
    """Who of the users is decided on is said by `spine`; the outcome is an event within 30 hours."""
    base = a_line()
    decision = Decision(name="look", entities=(USER,), spine=spine, time=time, boundary=boundary)
    return replace(
        base,
        decision=decision,
        features={
            "events_count": count(EVENTS, window=days(1)),
            "late_count": count(LATE, window=days(1)),
        },
        outcome=Outcome(name="came", source=DAILY, by=(USER,), horizon=hours(30)),
    )


def dataset(line: Line, world: Tables, since: datetime, until: datetime, as_of: datetime, **more: Any) -> Any:
    request = {"from": since.isoformat(), "to": until.isoformat(), "as_of": as_of.isoformat(), **more}
    with tempfile.TemporaryDirectory() as place:
        columns = SmallLake(line, world, Path(place)).build(
            {"purpose": "scoring", **request}, Path(place) / "data.parquet"
        )
    return rows_of(columns)


SPINES = st.one_of(
    st.builds(
        lambda cadence, source, lookback: Generated(population=source, cadence=cadence, lookback=lookback),
        st.sampled_from(CADENCES),
        st.sampled_from([LATE, EVENTS, DAILY]),
        st.sampled_from([MICROSECOND, hours(7), days(2)]),
    ),
    st.builds(
        lambda cadence, edges: Generated(
            population=MEMBERS, cadence=cadence, active_from=edges[0], active_until=edges[1]
        ),
        st.sampled_from(CADENCES),
        st.sampled_from([(None, None), ("born", None), ("born", "left"), (None, "left")]),
    ),
    st.sampled_from([LATE, EVENTS]),
)


@settings(max_examples=15, phases=(Phase.explicit, Phase.generate))
@given(
    spine=SPINES,
    boundary=st.sampled_from(["before", "at_or_before"]),
    seed=st.integers(0, 10**6),
    hour=st.integers(20, 90),
    training=st.booleans(),
)
def test_the_decisions_are_those_of_the_rules(spine: Any, boundary: Any, seed: int, hour: int, training: bool) -> None:
    line = line_over(spine, None if isinstance(spine, Generated) else "at", boundary)
    world = dict(random_world(seed, events=60))
    lefts = [row["ts"] for row in world["events"]]
    people = [*world["people"], *world["people"][:2], *({**row, "born": None} for row in world["people"][:1])]
    world["members"] = [{**row, "left": left} for row, left in zip(people, lefts, strict=False)]
    base = min(row["at"] for row in world["events"] if row["at"]).replace(minute=0, second=0, microsecond=0)
    since, until, as_of = base - hours(9), base + hours(70), base + hours(hour)

    found = dataset(line, world, since, until, as_of, purpose="training" if training else "scoring")

    expected = reference.dataset(
        line, world, list(line.features), as_of=as_of if training else None, period=(since, until, as_of)
    )
    assert_equal(line, found, [row for row in expected if row["decision_time"] <= as_of])


@pytest.mark.parametrize(
    ("night", "times"),
    [
        (SPRING, ["2017-03-11T07:30", "2017-03-12T07:30", "2017-03-13T06:30"]),
        (AUTUMN, ["2017-11-04T06:30", "2017-11-05T07:30", "2017-11-06T07:30"]),
    ],
)
def test_a_daily_occasion_keeps_its_wall_time_through_the_nights_when_clocks_change(
    night: datetime, times: list[str]
) -> None:
    """In spring 2:30 is skipped and moves to 3:30 summer time; in autumn it comes once, after the repeated hour."""
    found = occasions(daily(at="02:30", zone=NEW_YORK), to_micros(night), to_micros(night + days(3)))

    assert [from_micros(at).isoformat()[:16] for at in found.tolist()] == times


def test_a_wall_time_that_comes_twice_is_the_earlier() -> None:
    found = occasions(daily(at="01:30", zone=NEW_YORK), to_micros(AUTUMN), to_micros(AUTUMN + days(2)))

    assert [from_micros(at).isoformat()[:16] for at in found.tolist()] == ["2017-11-04T05:30", "2017-11-05T05:30"]


def test_a_month_without_the_day_decides_on_its_last() -> None:
    period = (to_micros(datetime(2016, 1, 1, tzinfo=UTC)), to_micros(datetime(2016, 5, 1, tzinfo=UTC)))

    found = occasions(monthly(on=31, at="00:00", zone="UTC"), *period)

    assert [from_micros(at).strftime("%m-%d") for at in found.tolist()] == ["01-31", "02-29", "03-31", "04-30"]


@pytest.mark.parametrize("cadence", CADENCES)
def test_occasions_lie_from_the_first_instant_of_the_period_to_before_its_last(cadence: Cadence) -> None:
    begin = to_micros(SPRING)
    first, second = occasions(cadence, begin, begin + 70 * 86_400_000_000)[:2].tolist()

    assert occasions(cadence, first, second).tolist() == [first]
    assert occasions(cadence, first + 1, second + 1).tolist() == [second]


@pytest.mark.parametrize(
    ("boundary", "late", "hours_after"),
    [
        ("before", hours(2), [2, 3, 4]),
        ("at_or_before", hours(2), [2, 3, 4]),
        ("before", hours(0), [1, 2, 3, 4]),
        ("at_or_before", hours(0), [0, 1, 2, 3, 4]),
    ],
)
def test_an_event_makes_a_member_once_it_is_known_until_it_is_as_old_as_the_lookback(
    boundary: str, late: timedelta, hours_after: list[int]
) -> None:
    spine = Generated(population=LATE, cadence=every(hours(1), anchor=SPRING), lookback=hours(4))
    event = {
        "user": "ada",
        "at": SPRING,
        "known": SPRING + late,
        **dict.fromkeys(("n", "x", "s", "b", "d", "day", "ts")),
    }
    world = {**random_world(0), "late": [event, event, {**event, "user": "bob", "known": None}]}

    found = dataset(line_over(spine, None, boundary), world, SPRING, SPRING + days(1), SPRING + days(2))

    assert [(row["user"], (row["decision_time"] - SPRING) / hours(1)) for row in found] == [
        ("ada", after) for after in hours_after
    ]


def test_events_after_an_occasion_change_nobody_before_it() -> None:
    """The population of an occasion is the same whether the lake ends there or long after."""
    spine = Generated(population=LATE, cadence=every(hours(6), anchor=SPRING), lookback=days(2))
    world = dict(random_world(4))
    base = min(row["at"] for row in world["late"] if row["at"])
    period = (base, base + hours(24), base + hours(24))
    known = [row for row in world["late"] if row["known"] and row["known"] <= base + hours(24)]

    assert repr(dataset(line_over(spine), world, *period)) == repr(
        dataset(line_over(spine), {**world, "late": known}, *period)
    )


def test_a_spine_of_events_leaves_out_what_was_not_known_by_as_of() -> None:
    event = {
        "user": "ada",
        "at": SPRING,
        "known": SPRING + hours(2),
        **dict.fromkeys(("n", "x", "s", "b", "d", "day", "ts")),
    }
    world = {**random_world(0), "late": [event, event]}
    line = line_over(LATE, "at")

    assert len(dataset(line, world, SPRING, SPRING + days(1), SPRING + hours(2))) == 2
    assert dataset(line, world, SPRING, SPRING + days(1), SPRING + hours(2) - MICROSECOND) == []


def test_nobody_is_in_an_empty_population() -> None:
    spine = Generated(population=LATE, cadence=every(hours(6), anchor=SPRING), lookback=days(2))
    world = {**random_world(0), "late": []}

    assert dataset(line_over(spine), world, SPRING, SPRING + days(1), SPRING + days(1)) == []


def test_a_million_decisions_are_generated_without_a_loop() -> None:
    people = column_of("int64", list(range(10_000)))
    never = np.iinfo(np.int64).max
    stays = Stays(np.full(10_000, -never), np.full(10_000, never))

    keys, times = members({"person": people}, stays, np.arange(100))

    assert (keys["person"].values * 100 + times == np.arange(1_000_000)).all()


def test_what_is_far_too_large_is_refused_with_its_numbers(tmp_path: Path) -> None:
    spine = Generated(population=PEOPLE, cadence=every(timedelta(seconds=1), anchor=SPRING))
    lake = SmallLake(line_over(spine), random_world(1), tmp_path)
    year = {"purpose": "scoring", "from": "2017-01-01", "to": "2018-01-01", "as_of": "2018-01-01"}

    with pytest.raises(RequestRefused, match=r"up to 31,536,000 occasions, at most 1,000,000 are built"):
        lake.plan(year)
    with pytest.raises(RequestRefused, match=r"from: is missing; decision look is generated"):
        lake.plan({"purpose": "training", "as_of": "2018-01-01"})


@pytest.mark.parametrize(
    ("inexact", "said"), [(None, "it is not recorded"), (("at",), "column at says when decisions")]
)
def test_decision_times_that_were_rounded_up_are_refused(
    inexact: tuple[str, ...] | None, said: str, tmp_path: Path
) -> None:
    lake = SmallLake(line_over(EVENTS, "at"), random_world(1), tmp_path)
    lake.snapshots["events"] = replace(lake.snapshots["events"], inexact=inexact)

    with pytest.raises(RequestRefused, match=said):
        lake.plan({"purpose": "training", "as_of": "2018-01-01"})


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Generated(population=LATE, cadence=CADENCES[0]), "lookback="),
        (lambda: Generated(population=PEOPLE, cadence=CADENCES[0], lookback=days(1)), "people is static"),
        (
            lambda: Generated(population=PEOPLE, cadence=CADENCES[0], active_from="age"),
            "active_from age of people is int64",
        ),
        (
            lambda: Generated(population=LATE, cadence=CADENCES[0], lookback=days(1), active_from="day"),
            "events have lookback",
        ),
        (lambda: daily(at="2:30", zone=NEW_YORK), "'2:30' is not a wall time"),
        (lambda: daily(at="02:30", zone="New York"), "not an IANA time zone"),
        (lambda: monthly(on=32, at="02:30", zone=NEW_YORK), "outside 1 to 31"),
        (lambda: every(timedelta(0), anchor=SPRING), "not positive"),
        (lambda: every(hours(1), anchor=datetime(2017, 1, 1)), "has no zone"),  # noqa: DTZ001
        (lambda: line_over(EVENTS), "time is missing"),
        (lambda: line_over(EVENTS, "n"), "time n of events is int64"),
        (lambda: line_over(EVENTS, "then"), "has no column 'then'"),
        (lambda: line_over(Generated(population=PEOPLE, cadence=CADENCES[0]), "born"), "times of its cadence"),
    ],
)
def test_what_contradicts_itself_is_refused_when_declared(declare: Any, said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        declare()
