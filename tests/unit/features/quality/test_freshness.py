"""A source that fell silent is told from one that pauses as it always does; both by what the request's as_of knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assembly_line import days, fresh, hours
from assembly_line.declarations.quality import QualityRule
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.findings import Finding
from assembly_line.features.quality.freshness_rules import longest_usual
from assembly_line.features.quality.gate import examine
from assembly_line.features.quality.revalidation import built_again
from assembly_line.features.sources.activity import Activity, activity_of
from assembly_line.features.sources.attempts import Built, built_from_json
from assembly_line.features.values.columns import Integers
from assembly_line.instants import to_micros
from tests.unit.features.small_world import EVENTS, LATE, SmallLake, a_line

DAY = 86_400_000_000
YEAR = datetime(2017, 1, 1, tzinfo=UTC)
VISITORS = 120
NAMES = ["events_long", "late_count", "kind"]
TWELVE_WEEKS = (YEAR + days(100), YEAR + days(184))


def every_day(random: np.random.Generator) -> Integers:
    return np.sort(random.integers(0, 730 * DAY, 20_000))


def shop_hours(random: np.random.Generator) -> Integers:
    return np.array([day * DAY + hour * DAY // 24 for day in range(730) for hour in range(9, 18)])


def weekdays_without_holidays(random: np.random.Generator) -> Integers:
    """Closed on weekends, at Easter, and from 23 December to 6 January."""
    open_days = [day for day in range(730) if day % 7 < 5 and not day % 365 >= 356 and day % 365 > 5]
    return np.array([day * DAY + DAY // 2 for day in open_days if day % 365 not in (103, 104, 107)])


def weekly(random: np.random.Generator) -> Integers:
    return np.arange(0, 104) * 7 * DAY


def monthly(random: np.random.Generator) -> Integers:
    return np.array([to_micros(datetime(2010 + n // 12, n % 12 + 1, 1, tzinfo=UTC)) for n in range(96)])


def now_and_then(random: np.random.Generator) -> Integers:
    """By chance, every four days on average."""
    return np.cumsum(random.exponential(4 * DAY, 300)).astype(np.int64)


RHYTHMS = [every_day, shop_hours, weekdays_without_holidays, weekly, monthly, now_and_then]


def activity_over(times: Integers) -> Activity:
    """What days with these events come to."""
    places = np.unique(times // DAY, return_index=True)[1]
    last = np.append(times[places[1:] - 1], times[-1])
    return activity_of(times[places], last, last, span=(None, int(times[-1]) + 1), ends=int(times[-1]))


def gaps_of(times: Integers) -> list[tuple[int, int]]:
    found = activity_over(times)
    return [gap for gap in found.gaps if gap[1] - gap[0] > longest_usual(found)]


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_a_rhythm_is_no_gap_and_twelve_weeks_cut_out_of_it_are(rhythm: Callable[..., Integers]) -> None:
    alarms = found = 0
    for seed in range(10):
        times = rhythm(np.random.default_rng(seed))
        start = int(times[len(times) // 2])
        cut = times[(times <= start) | (times > start + 84 * DAY)]
        alarms += bool(gaps_of(times))
        found += any(gap[0] == start for gap in gaps_of(cut))

    assert alarms == 0
    assert found == 10


def world(**changed: Any) -> dict[str, list[dict[str, Any]]]:
    """Events on every day of a year, known at once and a day later; visits on each day from April to June."""
    nothing = dict.fromkeys(("x", "s", "b", "d", "day", "ts"))
    events = [
        {**nothing, "user": f"u{n % VISITORS}", "at": YEAR + hours(12 * n), "n": 1, "known": YEAR + hours(12 * n + 24)}
        for n in range(730)
    ]
    return {
        "events": events,
        "late": events,
        "daily": [
            {"user": f"u{n}", "visit": n, "on": (YEAR + days(day)).date(), "n": 1}
            for n in range(VISITORS)
            for day in ([n % 3, 90 + n] if n % 3 else [n % 3, 91 + n, 300])
        ],
        "visits": [
            {"visit": n, "opens": YEAR + days(90 + n) + hours(6), "first_day": None, "closes": None, "kind": "x"}
            for n in range(VISITORS)
        ],
        "invited": [{"user": f"u{n}", "visit": n} for n in range(VISITORS)],
        "people": [],
        **changed,
    }


def without(rows: list[dict[str, Any]], since: datetime, until: datetime) -> list[dict[str, Any]]:
    return [row for row in rows if not since <= row["at"] < until]


def judged(
    tables: Mapping[str, list[dict[str, Any]]], folder: Path, *rules: QualityRule, as_of: datetime, **asked: Any
) -> tuple[dict[str, Finding], Built]:
    lake = SmallLake(a_line(horizon=days(3), window=days(5)), tables, folder)
    plan = lake.plan({"purpose": "training", "as_of": as_of.isoformat(), "features": NAMES, **asked})
    plan = replace(plan, line=replace(plan.line, quality=rules))
    built = build_on_duckdb(plan, lake.planned_files(plan), folder / "data.parquet", memory_mib=1024)
    found = examine(plan, built_from_json(built.to_json()), read_dataset(folder / "data.parquet"))
    return {finding.rule: finding for finding in found}, built


def test_a_whole_source_is_fresh_and_without_gaps(tmp_path: Path) -> None:
    found, _ = judged(world(), tmp_path, as_of=YEAR + days(200))

    for source in ("events", "late"):
        assert found[f"freshness of {source}"].result == "passed"
        assert found[f"gaps of {source}"].result == "passed"
    assert "newest event 2017-07-20T00:00:00.000000Z" in found["freshness of events"].value
    assert (
        "newest event 2017-07-19T00:00:00.000000Z, the latest known at 2017-07-20" in found["freshness of late"].value
    )


def test_twelve_weeks_that_are_missing_in_the_middle_stop_a_dataset(tmp_path: Path) -> None:
    tables = world()
    found, _ = judged({**tables, "events": without(tables["events"], *TWELVE_WEEKS)}, tmp_path, as_of=YEAR + days(300))

    gap = found["gaps of events"]
    assert gap.stops
    assert gap.value == "no event for 84.5 days from 2017-04-10T12:00:00.000000Z to 2017-07-04T00:00:00.000000Z"
    assert found["freshness of events"].result == "passed"
    assert found["gaps of late"].result == "passed"


def test_a_gap_within_what_a_line_declares_warns(tmp_path: Path) -> None:
    tables = world()
    cut = {**tables, "events": without(tables["events"], *TWELVE_WEEKS)}
    found, _ = judged(cut, tmp_path, fresh(EVENTS, within=days(90)), as_of=YEAR + days(300))

    assert found["gaps of events"].result == "warning"


def test_what_comes_after_the_instant_of_a_request_makes_no_source_fresh(tmp_path: Path) -> None:
    tables = world()
    as_of, hole = YEAR + days(183), (YEAR + days(80), YEAR + days(190))
    found, _ = judged({**tables, "events": without(tables["events"], *hole)}, tmp_path, as_of=as_of)

    fresh_events = found["freshness of events"]
    assert fresh_events.stops
    assert "newest event 2017-03-21T12:00:00.000000Z" in fresh_events.value
    assert found["gaps of events"].value.endswith("from 2017-03-21T12:00:00.000000Z to 2017-07-03T00:00:00.000000Z")


def test_rows_that_became_known_too_late_make_no_source_fresh(tmp_path: Path) -> None:
    tables = world()
    late = [{**row, "known": row["at"] + days(1 if row["at"] < YEAR + days(60) else 300)} for row in tables["late"]]
    found, _ = judged({**tables, "late": late}, tmp_path, fresh(LATE, within=days(30)), as_of=YEAR + days(200))

    assert found["freshness of late"].stops
    assert "newest event 2017-03-01T12:00:00.000000Z" in found["freshness of late"].value


def test_a_hole_in_the_events_of_the_outcome_stops_a_training_dataset(tmp_path: Path) -> None:
    tables = world()
    daily = [row for row in tables["daily"] if not days(135) < row["on"] - YEAR.date() < days(190)]
    found, _ = judged({**tables, "daily": daily}, tmp_path, as_of=YEAR + days(190))

    assert found["gaps of daily"].stops


def test_a_gap_outside_of_what_a_dataset_reads_is_none_of_its(tmp_path: Path) -> None:
    tables = world()
    events = without(tables["events"], *TWELVE_WEEKS)
    asked = {"from": (YEAR + days(192)).isoformat(), "to": (YEAR + days(210)).isoformat()}
    found, _ = judged({**tables, "events": events}, tmp_path, as_of=YEAR + days(300), **asked)

    assert found["gaps of events"].result == "passed"


def test_few_days_are_not_judged_rather_than_passed(tmp_path: Path) -> None:
    events = world()["events"][180:220]
    found, _ = judged(world(events=events), tmp_path, as_of=YEAR + days(200))

    assert found["gaps of events"].result == "not judged"


def test_a_dataset_that_exists_is_judged_by_the_same_days(tmp_path: Path) -> None:
    _, built = judged(world(), tmp_path, as_of=YEAR + days(200))
    manifest = {**built.to_json(), "engine": {"name": "duckdb", "versions": {}}}

    assert built_again(manifest, []).activity == built.activity
    assert timedelta(microseconds=built.activity["events"].usual) == hours(12)
