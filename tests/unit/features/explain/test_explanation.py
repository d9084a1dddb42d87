"""Explanations: the value recomputed from the listed events is the dataset's, and every row near it has one reason."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assembly_line import (
    calendar_days,
    column,
    count,
    days,
    first,
    last,
    latest,
    maximum,
    months,
    share,
    since_last,
    slowly_changing,
    total,
)
from assembly_line.declarations.derived import Expression, Ratio, parts_of
from assembly_line.declarations.features import StaticFeature
from assembly_line.declarations.lines import Line
from assembly_line.declarations.sources import Source
from assembly_line.features.explain.explanation import Explanation, Reason, explain_value, near_span
from assembly_line.features.model.workload import kind_of
from assembly_line.features.sources.entity_rows import Row, rows_of_entity
from assembly_line.features.values.columns import Column
from assembly_line.features.values.plain_values import plain_values, rounds, same
from assembly_line.instants import to_micros
from tests.unit.features import reference
from tests.unit.features.random_worlds import random_world
from tests.unit.features.small_world import CONTRACTS, EVENTS, LATE, NEW_YORK, SmallLake, a_line, values_of

EVER = {"purpose": "scoring", "as_of": "2018-01-01", "from": "2017-01-01", "to": "2018-01-01"}
NOON = datetime(2017, 3, 12, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Asked:
    """The rows of one decision's entities, read once from the files of each source."""

    def __init__(self, lake: SmallLake, keys: Mapping[str, Any]) -> None:
        self._lake, self._keys = lake, keys
        self._rows: dict[tuple[str, ...], list[Row]] = {}

    def rows(self, name: str) -> dict[str, Sequence[Row]]:
        feature = self._lake.line.features[name]
        if isinstance(feature, Ratio | Expression):
            return {key: rows for part in parts_of(feature) for key, rows in self.rows(part).items()}
        source, keys = feature.source, {key: self._keys[key] for key in reference.keys_of(feature.by)}
        if (source.name, *keys) not in self._rows:
            files = [Path(item.key) for item in self._lake.snapshots[source.name].objects]
            self._rows[source.name, *keys] = rows_of_entity(source, keys, tuple(source.columns), files)
        return {name: self._rows[source.name, *keys]}


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    window=st.sampled_from([timedelta(microseconds=1), HOUR, timedelta(hours=25)]),
    boundary=st.sampled_from(["before", "at_or_before"]),
    delay=st.sampled_from([timedelta(0), timedelta(microseconds=1), HOUR]),
    calendar=st.sampled_from([calendar_days(1, zone=NEW_YORK), months(1, zone="Australia/Lord_Howe")]),
    wide=st.booleans(),
)
def test_the_value_recomputed_from_the_listed_events_is_the_datasets_and_that_by_the_book(
    seed: int, wide: bool, **parts: Any
) -> None:
    line, tables = a_line(**parts), random_world(seed, events=60, decisions=12, wide=wide)
    names = list(line.features)[seed % 3 :: 3]
    with tempfile.TemporaryDirectory() as folder:
        lake = SmallLake(line, tables, Path(folder))
        dataset = lake.build(EVER, Path(folder) / "data.parquet")
        for place, at in list(enumerate(dataset["decision_time"].values.tolist()))[:3]:
            keys = {key: plain_values(dataset[key])[place] for key in line.decision.keys}
            ask, known = Asked(lake, keys), reference.Seen()
            for name in names:
                found = explain_value(line, name, at=at, rows=ask.rows(name))

                assert_is(line, name, found.value, plain_values(dataset[name])[place])
                by_the_book = reference.feature(line, name, decision_of(dataset, line, place), tables, known)
                assert_is(line, name, logical(line, name, found.value), by_the_book)
                assert_whole(line, name, found, at, ask)


def decision_of(dataset: Mapping[str, Column], line: Line, place: int) -> dict[str, Any]:
    return {name: values_of(dataset[name])[place] for name in ("decision_time", *line.decision.keys)}


def logical(line: Line, name: str, value: Any) -> Any:
    """An explained value as the reference speaks of it: times as times."""
    kind = kind_of(line, name)
    if value is None or kind not in ("date", "timestamp"):
        return value
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + timedelta(microseconds=value) if kind == "timestamp" else epoch.date() + timedelta(days=value)


def assert_is(line: Line, name: str, found: Any, expected: Any) -> None:
    assert same(found, expected, rounded=rounds(line, name)), f"{name}: {found!r}, expected {expected!r}"


def assert_whole(line: Line, name: str, found: Explanation, at: int, ask: Asked) -> None:
    """Every near row of the entity is listed once: as counted, or with a reason."""
    feature = line.features[name]
    if isinstance(feature, Ratio | Expression | StaticFeature):
        return
    lower, upper = near_span(line, name, at=at)
    times = [happened(feature.source, row) for row in ask.rows(name)[name]]
    near = [time for time in times if time is None or ((lower is None or lower <= time) and time <= upper)]
    assert len(found.counted) + len(found.left_out) == len(near)
    assert sum(found.reasons.values()) == len(found.left_out)


def happened(source: Source, row: Row) -> int | None:
    time: int | None = row[source.event_time or ""]
    if time is None or source.columns[source.event_time or ""] == "timestamp":
        return time
    return to_micros(reference.end_of(date(1970, 1, 1) + timedelta(days=time), source))


def event(at: datetime | None, known: datetime | None = None, n: int | None = 1) -> dict[str, Any]:
    return {"user": "ada", "at": at, "known": known, "n": n}


def physical(row: Mapping[str, Any]) -> Row:
    return {name: to_micros(value) if isinstance(value, datetime) else value for name, value in row.items()}


def asked(feature: Any, rows: Sequence[Mapping[str, Any]], *, boundary: Any = "before") -> Explanation:
    line = a_line(boundary=boundary)
    line = replace(line, features={**line.features, "asked": feature})
    return explain_value(line, "asked", at=to_micros(NOON), rows={"asked": [physical(row) for row in rows]})


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (event(None, NOON), Reason.NO_EVENT_TIME),
        (event(NOON + HOUR, NOON), Reason.AFTER),
        (event(NOON, NOON), Reason.AT_THE_INSTANT),
        (event(NOON - timedelta(days=1, microseconds=1), NOON), Reason.BEFORE_WINDOW),
        (event(NOON - HOUR, None), Reason.NEVER_KNOWN),
        (event(NOON - HOUR, NOON + timedelta(microseconds=1)), Reason.NOT_YET_KNOWN),
        (event(NOON - HOUR, NOON, None), Reason.NULL),
    ],
)
def test_an_event_that_does_not_count_says_why(row: dict[str, Any], reason: Reason) -> None:
    found = asked(total(LATE, "n", window=days(1)), [row, event(NOON - days(1), NOON, 5)])

    assert [left for _, left in found.left_out] == [reason]
    assert (found.value, len(found.counted)) == (5, 1)


def test_what_does_not_match_is_left_out_and_says_so() -> None:
    rows = [event(NOON - HOUR, n=1), event(NOON - 2 * HOUR, n=2), event(NOON - 3 * HOUR, n=None)]
    large = column("n") > 1

    counted = asked(count(EVENTS, window=days(1), where=large), rows)
    part = asked(share(EVENTS, window=days(1), where=large), rows)

    assert (counted.value, counted.reasons) == (1, {Reason.NOT_MATCHING: 2})
    assert (part.value, len(part.counted), part.reasons) == (1 / 3, 3, {})


def test_behind_a_first_or_last_value_stands_one_event_be_it_null() -> None:
    values = dict.fromkeys(EVENTS.columns)
    rows = [{**values, **event(NOON - age * HOUR, n=n)} for age, n in ((3, None), (2, 5), (1, 6))]

    earliest, newest = (asked(kind(EVENTS, "n", window=days(1)), rows) for kind in (first, last))

    assert (earliest.value, len(earliest.counted), earliest.reasons) == (None, 1, {Reason.SUCCEEDED: 2})
    assert (newest.value, len(newest.counted), newest.reasons) == (6, 1, {Reason.SUPERSEDED: 2})


def contract(begins: datetime, announced: datetime, ends: datetime | None, plan: str) -> dict[str, Any]:
    return {"user": "ada", "begins": begins, "announced": announced, "ends": ends, "plan": plan, "n": 1}


def test_a_fact_that_ended_is_not_replaced_by_an_older_one() -> None:
    endless = contract(NOON - days(3), NOON - days(9), None, "basic")
    ended = contract(NOON - days(2), NOON - days(9), NOON, "gold")
    announced = contract(NOON + HOUR, NOON - days(9), None, "next")

    found = asked(slowly_changing(CONTRACTS, "plan"), [endless, ended, announced])
    longer = asked(slowly_changing(CONTRACTS, "plan"), [endless, {**ended, "ends": NOON + timedelta(microseconds=1)}])

    assert (found.value, found.counted) == (None, ())
    assert found.reasons == {Reason.AFTER: 1, Reason.ENDED: 1, Reason.SUPERSEDED: 1}
    assert (longer.value, longer.reasons) == ("gold", {Reason.SUPERSEDED: 1})


def test_a_null_counts_where_rows_are_counted() -> None:
    assert asked(count(LATE, window=days(1)), [event(NOON - HOUR, NOON, None)]).value == 1


def test_the_boundary_decides_about_both_ends_of_the_window() -> None:
    ends = [event(NOON - days(1), n=1), event(NOON, n=2)]
    window = total(EVENTS, "n", window=days(1))

    before, with_it = asked(window, ends), asked(window, ends, boundary="at_or_before")

    assert (before.value, before.reasons) == (1, {Reason.AT_THE_INSTANT: 1})
    assert (with_it.value, with_it.reasons) == (2, {Reason.BEFORE_WINDOW: 1})


def test_events_far_from_the_window_are_not_near() -> None:
    far = [event(NOON - days(3)), event(NOON + days(2))]

    assert asked(count(EVENTS, window=days(1)), far).left_out == ()


def test_the_nearest_that_was_left_out_stands_first() -> None:
    found = asked(maximum(LATE, "n", window=days(1)), [event(NOON - days(2), NOON), event(NOON + HOUR, NOON)])

    assert [reason for _, reason in found.left_out] == [Reason.AFTER, Reason.BEFORE_WINDOW]
    assert found.value is None


def test_behind_a_latest_value_stands_one_event_and_behind_an_age_all_of_that_instant() -> None:
    values = dict.fromkeys(EVENTS.columns)
    rows = [{**values, **event(NOON - age, n=n)} for age, n in ((2 * HOUR, 9), (HOUR, 3), (HOUR, 4))]

    value, age = asked(latest(EVENTS, "n"), rows), asked(since_last(EVENTS), rows)

    assert (value.value, len(value.counted), value.reasons) == (4, 1, {Reason.SUPERSEDED: 2})
    assert (age.value, len(age.counted), age.reasons) == (1 / 24, 2, {Reason.SUPERSEDED: 1})


def test_a_maximum_age_includes_its_end() -> None:
    values = dict.fromkeys(EVENTS.columns)
    rows = [
        {**values, **event(NOON - days(1), n=1)},
        {
            **values,
            **event(
                NOON
                - days(
                    1,
                )
                - HOUR,
                n=2,
            ),
        },
    ]

    found = asked(latest(EVENTS, "n", max_age=days(1)), rows)

    assert (found.value, found.reasons) == (1, {Reason.TOO_OLD: 1})


def test_of_two_rows_of_one_instant_the_one_known_last_is_the_latest() -> None:
    values = dict.fromkeys(LATE.columns)
    minute = timedelta(minutes=1)
    rows = [{**values, **event(NOON - HOUR, NOON - age * minute, n=n)} for age, n in ((30, 9), (10, 1))]

    assert asked(latest(LATE, "n"), rows).value == asked(latest(LATE, "n"), rows[::-1]).value == 1
