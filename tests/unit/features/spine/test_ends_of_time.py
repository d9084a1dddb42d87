"""Times at the ends of the calendar, and ends that are never reached: right answers, and no overflow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Feature,
    Generated,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    calendar_days,
    count,
    daily,
    days,
    hours,
    latest,
    months,
    notebook,
    since_last,
    slowly_changing,
    static,
    years,
)
from assembly_line.features.explain.explanation import explain_value
from assembly_line.features.explain.reference_rules import window_start
from assembly_line.features.sources.entity_rows import rows_of_entity
from assembly_line.features.sources.local_sources import typed_sources
from assembly_line.features.values.knowledge_limits import known_until
from assembly_line.features.values.window_starts import starts_of
from assembly_line.instants import day_end, day_start, later, to_micros

USER = Entity("user", keys={"user": "int64"})
ZONES = ["UTC", "America/New_York", "Pacific/Kiritimati"]
END, BEGIN = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PERIOD = {"as_of": "9999-12-31T23:59:59.999999Z", "since": "0001-01-01", "until": "9999-12-31T23:59:59.999999Z"}


@pytest.fixture(autouse=True)
def _without_the_gate() -> Iterator[None]:
    """So small a dataset has much to be remarked."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", notebook.QualityWarning)
        yield


def events(zone: str, kind: str = "timestamp", **more: Any) -> Source:
    columns = {"user": "int64", "at": kind, **more.pop("columns", {})}
    return Source(
        name="events", entities=(USER,), columns=columns, event_time="at", delay=timedelta(0), zone=zone, **more
    )


def line_of(source: Source, features: Mapping[str, Feature], **more: Any) -> Line:
    asked = Source(
        name="asked", entities=(USER,), columns={"user": "int64", "when": "timestamp"}, event_time="when",
        delay=timedelta(0), zone="UTC",
    )  # fmt: skip
    given: dict[str, Any] = {
        "decision": Decision(name="ask", entities=(USER,), spine=asked, time="when"),
        "outcome": Outcome(name="happened", source=source, by=(USER,), horizon=days(1)),
        **more,
    }
    return Line(
        name="ends",
        title="ends",
        owner="nobody",
        features=features,
        training=Training(framework="xgboost", framework_version="3.2-0", baseline=next(iter(features))),
        policy=Policy(version=1, act="a", otherwise="b", capacity=0.5, exploration=0.0, expires_after=days(1)),
        delivery=Delivery(subscribers=("desk",)),
        **given,
    )


def asked_at(*instants: datetime) -> pa.Table:
    return pa.table({"user": pa.array([1] * len(instants)), "when": pa.array(instants, pa.timestamp("us", "UTC"))})


def answers(line: Line, tables: Mapping[str, Any], **period: Any) -> list[dict[str, Any]]:
    found = notebook.dataset(line, tables, purpose="scoring", **{**PERIOD, **period})
    return list(found.to_pylist())


def raw(folder: Path, **columns: str | Sequence[str]) -> Path:
    """A row of user 1, or of users 1, 2, ..., its values written as SQL by DuckDB."""
    path = folder / "raw.parquet"
    number = max(1 if isinstance(value, str) else len(value) for value in columns.values())
    rows = [
        ", ".join(f"{value if isinstance(value, str) else value[n]} AS {name}" for name, value in columns.items())
        for n in range(number)
    ]
    union = " UNION ALL ".join(f"SELECT {n + 1}::BIGINT AS user, {row}" for n, row in enumerate(rows))
    duckdb.execute(f"COPY ({union}) TO '{path}' (FORMAT parquet)")
    return path


OPEN = {
    "date": ["DATE '9999-12-31'", "'infinity'::DATE", "DATE '20000-01-01'", "NULL::DATE"],
    "timestamp": [
        "TIMESTAMP '9999-12-31'", "TIMESTAMP '9999-12-31 23:59:59'", "'infinity'::TIMESTAMP",
        "TIMESTAMP '20000-01-01'",
    ],
}  # fmt: skip
CLOSED = {
    "date": ["'-infinity'::DATE", "DATE '2024-05-01'"],
    "timestamp": ["'-infinity'::TIMESTAMP", "TIMESTAMP '2024-05-01'"],
}
TIMES = [datetime(2024, 6, 1, tzinfo=UTC), END - timedelta(hours=2), END - MICROSECOND]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", OPEN)
def test_an_end_that_is_never_reached_is_open(tmp_path: Path, zone: str, kind: str) -> None:
    contracts = events(zone, "date", columns={"until": kind, "plan": "string"}, valid_until="until")
    ends = OPEN[kind] + CLOSED[kind]
    file = raw(tmp_path, at="DATE '2024-01-01'", until=ends, plan="'gold'")
    plans = ["gold"] * len(OPEN[kind]) + [None] * len(CLOSED[kind])
    line = line_of(contracts, {"plan": slowly_changing(contracts, "plan")})
    users = [user for user in range(1, len(ends) + 1) for _ in TIMES]
    asked = pa.table({"user": users, "when": pa.array(TIMES * len(ends), pa.timestamp("us", "UTC"))})

    found = answers(line, {"events": file, "asked": asked})

    by_user = {user: {row["plan"] for row in found if row["user"] == user} for user in users}
    assert by_user == {user: {plan} for user, plan in enumerate(plans, 1)}
    local = typed_sources([contracts], {"events": file}, tmp_path)["events"]
    for user, plan in enumerate(plans, 1):
        rows = rows_of_entity(contracts, {"user": user}, tuple(contracts.columns), local.files)
        explained = [explain_value(line, "plan", at=to_micros(at), rows={"plan": rows}).value for at in TIMES]
        assert explained == [plan] * len(TIMES)


@pytest.mark.parametrize("zone", ZONES)
def test_a_fact_that_was_always_so_is_in_force(tmp_path: Path, zone: str) -> None:
    contracts = events(zone, "date", columns={"plan": "string"})
    beginnings = ["'-infinity'::DATE", "DATE '0001-01-01'", "DATE '0044-03-15 (BC)'"]
    file = raw(tmp_path, at=beginnings, plan="'gold'")
    asked = pa.table({"user": [1, 2, 3], "when": pa.array(TIMES, pa.timestamp("us", "UTC"))})

    found = answers(line_of(contracts, {"plan": latest(contracts, "plan")}), {"events": file, "asked": asked})

    assert [row["plan"] for row in found] == ["gold"] * 3


@pytest.mark.parametrize("happened", ["'infinity'::TIMESTAMP", "TIMESTAMP '9999-12-31 23:59'"])
def test_what_never_happens_is_never_seen(tmp_path: Path, happened: str) -> None:
    source = events("UTC", columns={"n": "int64"})
    line = line_of(source, {"n": count(source, window=days(30)), "last": latest(source, "n")})

    found = answers(line, {"events": raw(tmp_path, at=happened, n="1::BIGINT"), "asked": asked_at(*TIMES[:2])})

    assert [(row["n"], row["last"]) for row in found] == [(0, None)] * 2


@pytest.mark.parametrize("zone", ZONES)
def test_decisions_at_the_ends_have_features_of_every_kind(zone: str) -> None:
    happened = [BEGIN, BEGIN + days(1), END - days(1), END - hours(1)]
    decided = [BEGIN, BEGIN + days(3), END - hours(1), END - MICROSECOND]
    source = events("UTC", columns={"n": "int64"})
    by_day = replace(source, name="by_day", columns={"user": "int64", "at": "date", "n": "int64"}, zone=zone)
    features: dict[str, Feature] = {
        "short": count(source, window=days(2)),
        "month": count(source, window=months(1, zone=zone)),
        "long": count(source, window=years(1000, zone=zone)),
        "calendar": count(by_day, window=calendar_days(9, zone=zone)),
        "last": latest(source, "n"),
        "since": since_last(source),
    }
    tables = {
        "events": pa.table({"user": [1] * 4, "at": pa.array(happened, pa.timestamp("us", "UTC")), "n": range(4)}),
        "by_day": pa.table({"user": [1] * 2, "at": [date(1, 1, 1), date(9999, 12, 28)], "n": [1, 2]}),
        "asked": asked_at(*decided),
    }

    found = answers(line_of(source, features), tables)

    assert [row["decision_time"] for row in found] == decided
    assert [row["decision_id"][:12] for row in found] == ["d1-00010101-", "d1-00010104-", *["d1-99991231-"] * 2]
    assert [row["short"] for row in found] == [0, 1, 1, 2]
    assert [row["month"] for row in found] == [row["long"] for row in found] == [0, 2, 1, 2]
    assert [row["calendar"] for row in found] == [0, 1, 1, 1]
    assert [row["last"] for row in found] == [None, 1, 2, 3]
    assert [row["since"] is None for row in found] == [True, False, False, False]


@pytest.mark.parametrize("zone", ZONES)
def test_windows_begin_alike_by_two_rules_at_the_ends(zone: str) -> None:
    times = [to_micros(BEGIN + days(400)), to_micros(datetime(9990, 7, 1, 12, tzinfo=UTC)), to_micros(END)]
    for window in (calendar_days(3, zone=zone), months(2, zone=zone), years(1, zone=zone)):
        assert starts_of(window, np.array(times)).tolist() == [window_start(window, time) for time in times]
    # 400 years later clocks are set on the same day.
    now, then = (to_micros(datetime(year, 7, 4, 16, tzinfo=UTC)) for year in (9590, 9990))
    start = starts_of(months(6, zone=zone), np.array([now, then]))
    assert int(start[1] - start[0]) == then - now


@pytest.mark.parametrize("zone", ZONES)
def test_days_at_the_ends_begin_and_end_within_the_calendar(zone: str) -> None:
    for day in (date.min, date.max):
        assert BEGIN <= day_start(day, zone) < day_end(day, zone) <= END
    source = events(zone, "date", columns={"n": "int64"})
    for instant in (BEGIN, BEGIN + days(2), END - days(2), END):
        last = known_until(source, to_micros(instant), "at_or_before")["at"]
        assert abs(last - to_micros(instant) // 86_400_000_000) <= 2
    assert later(END, days(9)) == END
    assert later(BEGIN, -days(9)) == BEGIN


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", OPEN)
def test_a_generated_population_stays_until_an_end_that_is_never_reached(tmp_path: Path, zone: str, kind: str) -> None:
    people = Source(name="people", entities=(USER,), columns={"user": "int64", "left": kind}, static=True, zone=zone)
    source = events("UTC", columns={"n": "int64"})
    spine = Generated(population=people, cadence=daily(at="12:00", zone="UTC"), active_until="left")
    # A decision takes no time that had to be chosen, as one after the year 9999.
    stayed = [end for end in OPEN[kind] if "20000" not in end]
    line = line_of(
        source, {"n": count(source, window=days(2))}, decision=Decision(name="look", entities=(USER,), spine=spine)
    )
    tables = {
        "people": raw(tmp_path, left=stayed + CLOSED[kind]),
        "events": pa.table({"user": [1], "at": pa.array([BEGIN], pa.timestamp("us", "UTC")), "n": [1]}),
    }
    noons = [datetime(9999, 12, day, 12, tzinfo=UTC) for day in (30, 31)]

    found = answers(line, tables, since="9999-12-30", until="9999-12-31T23:59:59Z")

    assert [(row["decision_time"], row["user"]) for row in found] == [
        (noon, user) for noon in noons for user in range(1, len(stayed) + 1)
    ]


def test_an_outcome_whose_horizon_never_ends_is_never_mature(tmp_path: Path) -> None:
    ends = Source(name="ends", entities=(USER,), columns={"user": "int64", "until": "date"}, static=True, zone="UTC")
    source = events("UTC", columns={"n": "int64"})
    line = line_of(
        source,
        {"n": count(source, window=days(2))},
        outcome=Outcome(name="happened", source=source, by=(USER,), until=static(ends, "until")),
    )
    rows = pa.table(
        {"user": [1], "at": pa.array([datetime(2024, 6, 2, tzinfo=UTC)], pa.timestamp("us", "UTC")), "n": [1]}
    )
    tables = {"events": rows, "ends": raw(tmp_path, until="'infinity'::DATE"), "asked": asked_at(TIMES[0])}

    for as_of in ("2025-01-01", "9999-12-31T23:59:59Z"):
        found = notebook.dataset(line, tables, as_of=as_of, purpose="training")
        assert found.num_rows == 0


def test_a_typed_file_holds_no_time_without_a_date(tmp_path: Path) -> None:
    source = events("UTC", columns={"n": "int64"})
    file = raw(tmp_path, at="'infinity'::TIMESTAMP", n="1::BIGINT")
    target = tmp_path / "typed"
    target.mkdir()

    local = typed_sources([source], {"events": file}, target)["events"]

    assert local.snapshot.newest == END
    assert pq.ParquetFile(local.files[0]).read().to_pylist()[0]["at"] == END
