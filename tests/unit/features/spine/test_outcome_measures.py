"""What an outcome says of the events between the gap's end and the horizon's: there or not, a number, or when."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from assembly_line import Line, Outcome, days, hours, static
from assembly_line.errors import DeclarationError
from assembly_line.features.engines import engine_duckdb
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.engines.outcomes import derive
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.plans import Plan
from assembly_line.features.quality.gate import examine, require_passed
from assembly_line.features.sources.attempts import Built
from assembly_line.features.values.columns import Column
from tests.unit.features import reference
from tests.unit.features.comparing import assert_equal
from tests.unit.features.random_worlds import SPRING, random_world
from tests.unit.features.small_world import DAILY, EVENTS, USER, VISIT, VISITS, SmallLake, Tables, a_line, rows_of

MICROSECOND = timedelta(microseconds=1)
EVENT = dict.fromkeys(("n", "x", "s", "b", "d", "day", "ts"))
MEASURES: list[dict[str, Any]] = [
    {},
    {"measure": "count"},
    {"measure": "sum", "column": "d", "absent": 0.25},
    {"measure": "sum", "column": "n", "absent": -1},
    {"measure": "sum", "column": "x"},
    {"measure": "mean", "column": "d", "absent": 0},
    {"measure": "min", "column": "x", "absent": 9},
    {"measure": "max", "column": "n", "absent": 0},
    {"measure": "count", "steps": 3},
    {"measure": "sum", "column": "d", "absent": 0.25, "steps": 2},
    {"measure": "time_to_event"},
]


def line_with(**outcome: Any) -> Line:
    declared: dict[str, Any] = {"name": "came", "source": EVENTS, "by": (USER,), **outcome}
    if declared.keys().isdisjoint({"horizon", "until"}):
        declared["horizon"] = hours(20)
    line = a_line()
    features = {"kind": line.features["kind"]}
    steps = declared.get("steps", 1) > 1
    training = replace(line.training, baseline="kind", season=1 if steps else None)
    policy = replace(line.policy, cuts=1 if steps else None)
    return replace(line, features=features, training=training, policy=policy, outcome=Outcome(**declared))


def built(
    line: Line, world: Tables, as_of: datetime, *, limit: int | None = None
) -> tuple[Plan, Built, dict[str, Column]]:
    """The dataset; with a limit no more rows of the outcome's source than this are held at once."""
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        if limit is not None:
            patch.setattr(engine_duckdb, "rows_at_once", lambda *_, **__: limit)
        lake = SmallLake(line, world, Path(place))
        plan = lake.plan({"purpose": "training", "as_of": as_of.isoformat()})
        target = Path(place) / "data.parquet"
        return plan, build_on_duckdb(plan, lake.planned_files(plan), target, memory_mib=1024), read_dataset(target)


@settings(max_examples=20, phases=(Phase.explicit, Phase.generate))
@given(
    measure=st.sampled_from(MEASURES),
    ends=st.sampled_from([{"horizon": hours(20)}, {"horizon": MICROSECOND}, {"until": static(VISITS, "closes")}]),
    waits=st.tuples(
        st.sampled_from([timedelta(0), MICROSECOND, hours(6)]), st.sampled_from([timedelta(0), MICROSECOND, hours(5)])
    ),
    seed=st.integers(0, 10**6),
    hour=st.integers(5, 90),
    limit=st.sampled_from([None, 1, 6]),
)
def test_the_outcome_is_what_the_rules_say(
    *,
    measure: dict[str, Any],
    ends: dict[str, Any],
    waits: tuple[timedelta, timedelta],
    seed: int,
    hour: int,
    limit: int | None,
) -> None:
    gap, delay = waits
    if "until" in ends:
        measure = {**measure, "steps": 1}
    by = (USER, VISIT) if "until" in ends else (USER,)
    source = DAILY if "until" in ends else replace(EVENTS, delay=delay)
    if "until" in ends and "column" in measure:
        measure = {**measure, "column": "n"} | ({"absent": 1} if "absent" in measure else {})
    line = line_with(**measure, **ends, gap=gap, source=source, by=by)
    world = random_world(seed, events=80)
    as_of = min(row["at"] for row in world["events"] if row["at"]) + timedelta(hours=hour)

    _, _, columns = built(line, world, as_of, limit=limit)

    assert_equal(line, rows_of(columns), reference.dataset(line, world, ["kind"], as_of=as_of))
    assert list(columns)[-len(line.outcome.columns) :] == list(line.outcome.columns)
    assert [columns[name].kind for name in line.outcome.columns] == list(line.outcome.columns.values())


def visits(*times: datetime) -> dict[str, list[dict[str, Any]]]:
    """Ada is invited at each of these times."""
    rest = {"first_day": None, "closes": None, "kind": None}
    return {
        "visits": [{"visit": number, "opens": at, **rest} for number, at in enumerate(times)],
        "invited": [{"user": "ada", "visit": number} for number in range(len(times))],
    }


def world_of(events: list[Mapping[str, Any]], *decided: datetime) -> Tables:
    return {"events": events, "late": [], "daily": [], "people": [], **visits(*decided)}


def event(at: datetime, **values: Any) -> dict[str, Any]:
    return {"user": "ada", "at": at, **EVENT, **values}


def test_the_horizon_begins_after_the_gap_and_holds_its_last_instant() -> None:
    line = line_with(gap=hours(2), horizon=hours(3))
    offsets = [hours(2), hours(2) + MICROSECOND, hours(5), hours(5) + MICROSECOND]
    world = world_of([event(SPRING), event(SPRING + days(9))], *(SPRING - offset for offset in offsets))

    rows = rows_of(built(line, world, SPRING + days(9))[2])

    by_visit = {row["visit"]: row["came"] for row in rows}
    assert [by_visit[number] for number in range(4)] == [0, 1, 1, 0]
    assert all(row["outcome_known_at"] == row["decision_time"] + hours(5) for row in rows)


@pytest.mark.parametrize(
    ("as_of", "newest", "expected"),
    [
        # Mature: the horizon of 48 hours has passed without an event.
        (hours(99), hours(99), (0, 2.0, hours(49))),
        # Censored by what is known, the source's delay of one hour included, and by what the source covers.
        (hours(13), hours(99), (0, 0.5, hours(13))),
        (hours(99), hours(6), (0, 0.25, hours(7))),
        # Nothing was observed of it at all, or only its first microsecond.
        (hours(1), hours(99), None),
        (hours(1) + MICROSECOND, hours(99), (0, 1 / 86_400_000_000, hours(1) + MICROSECOND)),
    ],
)
def test_a_decision_that_is_not_mature_is_censored_where_observation_ends(
    as_of: timedelta, newest: timedelta, expected: tuple[int, float, timedelta] | None
) -> None:
    line = line_with(measure="time_to_event", horizon=hours(48), source=replace(EVENTS, delay=hours(1)))
    world = world_of([{**event(SPRING + newest), "user": "bob"}], SPRING)

    _, report, columns = built(line, world, SPRING + as_of)

    found = [(row["came"], row["came_days"], row["outcome_known_at"] - SPRING) for row in rows_of(columns)]
    assert found == ([] if expected is None else [expected])
    assert report.excluded["immature"] == (expected is None)


def test_each_step_counts_the_events_of_its_own_horizon_and_all_are_known_with_the_last() -> None:
    line = line_with(measure="count", gap=hours(1), horizon=hours(2), steps=3)
    came = [hours(1), hours(1) + MICROSECOND, hours(3), hours(3) + MICROSECOND, hours(7), hours(7) + MICROSECOND]
    world = world_of([*(event(SPRING + after) for after in came), event(SPRING + days(9))], SPRING)

    _, early, _ = built(line, world, SPRING + hours(7) - MICROSECOND)
    (row,) = rows_of(built(line, world, SPRING + hours(7))[2])

    assert early.excluded["immature"] == 1
    assert [row[name] for name in ("came", "came_2", "came_3")] == [2, 1, 1]
    assert row["outcome_known_at"] == SPRING + hours(7)


def test_the_ledger_takes_every_step_and_a_time_to_an_event_once_its_horizon_is_over(tmp_path: Path) -> None:
    came = (hours(1), hours(3), days(9))
    lake = SmallLake(line_with(), world_of([event(SPRING + after) for after in came], SPRING), tmp_path)
    files = {"events": [Path(item.key) for item in lake.snapshots["events"].objects]}

    def found(at: timedelta, **outcome: Any) -> list[Any]:
        line = line_with(**outcome)
        decisions: Any = [({"user": "ada", "visit": 0}, SPRING)]
        (one,) = derive(line, decisions, as_of=SPRING + at, covered_until=SPRING + days(9), files=files)
        return [one.mature, one.value, one.days, one.later]

    counts = {"measure": "count", "horizon": hours(2), "steps": 3}
    assert found(hours(6), **counts) == [True, 1, None, (1, 0)]
    assert found(hours(5), **counts) == [False, None, None, ()]
    times = {"measure": "time_to_event", "horizon": hours(6)}
    assert found(hours(6), **times) == [True, 1, 1 / 24, ()]
    assert found(hours(5), **times) == [False, None, None, ()]


def test_an_event_that_is_not_yet_known_is_not_observed() -> None:
    line = line_with(measure="time_to_event", gap=hours(1), source=replace(EVENTS, delay=hours(1)))
    world = world_of([event(SPRING + hours(3)), event(SPRING + hours(1)), event(SPRING + hours(90))], SPRING)

    known, unknown = (
        rows_of(built(line, world, SPRING + hours(4) - step)[2])[0] for step in (timedelta(0), MICROSECOND)
    )

    assert (known["came"], known["came_days"]) == (1, 2 / 24)
    assert (unknown["came"], unknown["came_days"]) == (0, (hours(2) - MICROSECOND) / days(1))


def test_events_without_a_value_count_as_absent_and_decimals_stay_exact() -> None:
    line = line_with(measure="sum", column="d", absent=0.1)
    events = [event(SPRING + hours(hour), d=d) for hour, d in ((1, Decimal("0.10")), (2, Decimal("0.20")), (50, None))]

    rows = rows_of(
        built(line, world_of([*events, event(SPRING + days(9))], SPRING, SPRING + hours(40)), SPRING + days(9))[2]
    )

    assert [row["came"] for row in rows] == [Decimal("0.30"), Decimal("0.10")]


def test_a_number_that_never_varies_is_a_warning_and_no_class_is_missed() -> None:
    world = world_of([event(SPRING + days(9))], SPRING)
    findings = examine(*built(line_with(measure="count"), world, SPRING + days(9)))

    (finding,) = [finding for finding in findings if not finding.passed and finding.rule.startswith("outcome")]
    assert (finding.rule, finding.severity) == ("outcome_varies", "warning")
    require_passed("ds-1", [one for one in findings if one.rule != "freshness of events"])


def test_the_ledger_takes_a_count_and_keeps_the_gap(tmp_path: Path) -> None:
    lake = SmallLake(line_with(), world_of([event(SPRING), event(SPRING + days(9))], SPRING), tmp_path)
    files = {"events": [Path(item.key) for item in lake.snapshots["events"].objects]}
    decisions: Any = [({"user": "ada", "visit": 0}, SPRING - offset) for offset in (hours(2), hours(3))]
    moment = SPRING + days(9)

    found = derive(line_with(gap=hours(2)), decisions, as_of=moment, covered_until=moment, files=files)

    assert [one.value for one in found] == [0, 1]
    counted = derive(
        line_with(measure="count", gap=hours(2)), decisions, as_of=moment, covered_until=moment, files=files
    )
    assert [one.value for one in counted] == [0, 1]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"measure": "median"}, "measure is 'median'; expected one of 'happened'"),
        ({"measure": "sum"}, "sum needs column="),
        ({"column": "n"}, "happened takes no column="),
        ({"measure": "sum", "column": "s"}, "column s is string, expected a number"),
        ({"measure": "sum", "column": "z"}, "no column 'z'"),
        ({"measure": "mean", "column": "x"}, "mean of no events has no value; declare absent="),
        ({"measure": "sum", "column": "n", "absent": 0.5}, "absent 0.5 is no integer"),
        ({"measure": "sum", "column": "d", "absent": 0.001}, "more digits than decimal"),
        ({"absent": 1}, "present and absent are both 1"),
        ({"measure": "count", "present": 2}, "present is for happened"),
        ({"measure": "time_to_event", "absent": 5}, "absent 5 means nothing"),
        ({"gap": -MICROSECOND}, "is negative"),
        ({"measure": "count", "steps": 0}, "steps 0 is outside 1 to 100"),
        ({"steps": 2}, "steps= is for numbers of one horizon after the other"),
        ({"measure": "time_to_event", "steps": 2}, "steps= is for numbers"),
        ({"measure": "count", "steps": 2, "until": static(VISITS, "closes")}, "steps= is for numbers"),
    ],
)
def test_an_outcome_that_contradicts_itself_is_refused(outcome: dict[str, Any], said: str) -> None:
    with pytest.raises(DeclarationError, match=said):
        line_with(**outcome)


def test_no_feature_may_have_a_name_of_the_outcome() -> None:
    line = line_with(measure="time_to_event")
    for name in ("came_days", "outcome_known_at"):
        with pytest.raises(DeclarationError, match=name):
            replace(line, features={**line.features, name: line.features["kind"]})
