"""A small invented world that has every kind of source, feature and column, and a way to build datasets of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from assembly_line import (
    Decision,
    Delivery,
    Entity,
    Feature,
    Line,
    Outcome,
    Policy,
    Source,
    Training,
    calendar_days,
    column,
    count,
    days,
    distinct,
    expression,
    first,
    last,
    latest,
    maximum,
    mean,
    minimum,
    ratio,
    share,
    since_last,
    slowly_changing,
    static,
    stddev,
    total,
)
from assembly_line.canonical import digest_bytes
from assembly_line.declarations.predicates import Predicate
from assembly_line.declarations.windows import Window
from assembly_line.features.engines.engine_duckdb import build_on_duckdb
from assembly_line.features.files.reading_back import read_dataset
from assembly_line.features.model.plans import Plan
from assembly_line.features.model.snapshots import Snapshot, SnapshotObject
from assembly_line.features.planning.planning import make_plan
from assembly_line.features.values.arrow_columns import logical_type
from assembly_line.features.values.columns import Column, decimal_scale
from assembly_line.instants import EPOCH, from_micros, to_micros
from assembly_line.requests import DatasetRequest
from tests.unit.features import reference

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

USER = Entity("user", keys={"user": "string"})
VISIT = Entity("visit", keys={"visit": "int64"})
VALUES = {
    "n": "int64",
    "x": "float64",
    "s": "string",
    "b": "boolean",
    "d": "decimal(9,2)",
    "day": "date",
    "ts": "timestamp",
}
NEW_YORK = "America/New_York"
DAY = timedelta(days=1)
EVENTS = Source(
    name="events",
    entities=(USER,),
    columns={"user": "string", "at": "timestamp", **VALUES},
    event_time="at",
    delay=timedelta(0),
    zone="UTC",
)
LATE = Source(
    name="late",
    entities=(USER,),
    columns={"user": "string", "at": "timestamp", "known": "timestamp", **VALUES},
    event_time="at",
    known_time="known",
    zone="UTC",
)
DAILY = Source(
    name="daily",
    entities=(USER, VISIT),
    columns={"user": "string", "visit": "int64", "on": "date", "n": "int64"},
    event_time="on",
    delay=timedelta(0),
    zone=NEW_YORK,
)
VISITS = Source(
    name="visits",
    entities=(VISIT,),
    columns={"visit": "int64", "opens": "timestamp", "first_day": "date", "closes": "date", "kind": "string"},
    static=True,
    zone=NEW_YORK,
)
INVITED = Source(name="invited", entities=(USER, VISIT), columns={"user": "string", "visit": "int64"}, static=True)
PEOPLE = Source(
    name="people",
    entities=(USER,),
    columns={"user": "string", "age": "int64", "weight": "float64", "town": "string", "born": "date"},
    static=True,
    zone="UTC",
)

CONTRACTS = Source(
    name="contracts",
    entities=(USER,),
    columns={
        "user": "string",
        "begins": "timestamp",
        "announced": "timestamp",
        "ends": "timestamp",
        "plan": "string",
        "n": "int64",
    },
    event_time="begins",
    known_time="announced",
    valid_until="ends",
    zone="UTC",
)
PRICES = Source(
    name="prices",
    entities=(VISIT,),
    columns={"visit": "int64", "from_day": "date", "to_day": "date", "price": "decimal(5,2)"},
    event_time="from_day",
    valid_until="to_day",
    delay=timedelta(0),
    zone=NEW_YORK,
)
SOME = (column("n") > 0) | ~column("s").isin(["a", "b"])


def features_over(source: Source, window: timedelta) -> dict[str, Feature]:
    """Every kind of feature over every type of column of an event source by user."""
    name = source.name
    found: dict[str, Feature] = {f"{name}_count": count(source, window=window)}
    for value, kind in VALUES.items():
        found[f"{name}_distinct_{value}"] = distinct(source, value, window=window)
        found[f"{name}_min_{value}"] = minimum(source, value, window=window)
        found[f"{name}_max_{value}"] = maximum(source, value, window=window)
        found[f"{name}_latest_{value}"] = latest(source, value)
        found[f"{name}_recent_{value}"] = latest(source, value, max_age=window)
        if kind in ("int64", "float64") or kind.startswith("decimal"):
            found[f"{name}_sum_{value}"] = total(source, value, window=window)
            found[f"{name}_mean_{value}"] = mean(source, value, window=window)
            found[f"{name}_deviation_{value}"] = stddev(source, value, window=window)
    found[f"{name}_since"] = since_last(source)
    found[f"{name}_since_recent"] = since_last(source, max_age=window)
    return found


def chosen_features(source: Source, window: timedelta, where: Predicate, calendar: Window) -> dict[str, Feature]:
    """Features of chosen events, of single ones, shares, and over windows of the calendar."""
    features: dict[str, Feature] = {
        "where_count": count(source, window=window, where=where),
        "where_sum_n": total(source, "n", window=window, where=where),
        "where_mean_x": mean(source, "x", window=window, where=where),
        "where_max_s": maximum(source, "s", window=window, where=where),
        "where_distinct_s": distinct(source, "s", window=window, where=where),
        "where_latest_n": latest(source, "n", where=where),
        "where_since": since_last(source, where=where, max_age=window),
        "first_n": first(source, "n", window=window),
        "first_x": first(source, "x", window=window, where=where),
        "last_s": last(source, "s", window=window, where=where),
        "share": share(source, window=window, where=where),
        "share_of_n": share(source, window=window, where=where, column="n"),
        "share_of_d": share(source, window=calendar, where=where, column="d"),
        "calendar_count": count(source, window=calendar),
        "calendar_where": count(source, window=calendar, where=where),
        "calendar_sum_d": total(source, "d", window=calendar),
        "calendar_deviation_n": stddev(source, "n", window=calendar),
        "calendar_distinct_n": distinct(source, "n", window=calendar),
        "calendar_distinct_s": distinct(source, "s", window=calendar, where=where),
        "calendar_distinct_x": distinct(source, "x", window=calendar),
        "calendar_min_day": minimum(source, "day", window=calendar),
        "calendar_first_ts": first(source, "ts", window=calendar),
        "calendar_last_b": last(source, "b", window=calendar),
    }
    return {f"{source.name}_{name}": feature for name, feature in features.items()}


def a_line(
    *,
    window: timedelta = DAY,
    where: Predicate = SOME,
    calendar: Window = calendar_days(1, zone=NEW_YORK),  # noqa: B008
    boundary: Any = "before",
    delay: timedelta = timedelta(0),
    time_column: str = "opens",
    history_since: datetime | None = None,
    horizon: timedelta | None = None,
) -> Line:
    """A line over the small world; `delay` is the events' delay, `time_column` one of `visits`."""
    events = replace(EVENTS, delay=delay)
    until = None if horizon else static(VISITS, "closes")
    return Line(
        name="small_world",
        title="A small world",
        owner="tests",
        decision=Decision(
            name="invitation",
            entities=(USER, VISIT),
            spine=INVITED,
            time=static(VISITS, time_column),
            boundary=boundary,
            history_since=history_since,
        ),
        features={
            **features_over(events, window),
            **features_over(LATE, window),
            **chosen_features(events, window, where, calendar),
            **chosen_features(LATE, window, where, calendar),
            "daily_calendar": distinct(DAILY, "visit", window=calendar, by=USER, where=column("visit") != 2),
            "visit_first": first(DAILY, "user", window=calendar, by=VISIT),
            "plan": slowly_changing(CONTRACTS, "plan"),
            "plan_of_some": slowly_changing(CONTRACTS, "n", where=column("plan") < "b"),
            "plan_recent": latest(CONTRACTS, "plan", max_age=window),
            "plan_since": since_last(CONTRACTS),
            "price": slowly_changing(PRICES, "price"),
            "events_long": count(events, window=days(3)),
            "events_long_n": distinct(events, "n", window=days(3)),
            "daily_count": count(DAILY, window=days(2), by=USER),
            "daily_visits": distinct(DAILY, "visit", window=days(2), by=USER),
            "visit_daily": count(DAILY, window=days(2), by=VISIT),
            "daily_since": since_last(DAILY, by=USER),
            "share": ratio("events_sum_n", "events_long"),
            "share_of_x": ratio("events_sum_x", "events_sum_n"),
            "share_of_d": ratio("events_sum_d", "events_count"),
            "trend": expression("(events_sum_n - events_long / 3) / events_count"),
            "busy": expression("trend > share or events_count >= 2 and not is_null(kind)"),
            "score": expression("log1p(abs(coalesce(weight, events_max_x, 0))) if busy else -min(age, daily_count)"),
            "kind": static(VISITS, "kind"),
            "age": static(PEOPLE, "age"),
            "weight": static(PEOPLE, "weight"),
            "town": static(PEOPLE, "town"),
            "born": static(PEOPLE, "born"),
        },
        outcome=Outcome(name="came", source=DAILY, by=(USER, VISIT), until=until, horizon=horizon),
        training=Training(framework_version="3.2-0", baseline="events_count"),
        policy=Policy(version=1, act="call", otherwise="wait", capacity=0.5, expires_after=days(1)),
        delivery=Delivery(subscribers=("desk",)),
    )


def write_rows(source: Source, rows: Sequence[Row], path: Path) -> None:
    """Rows as a Parquet file whose columns are of the declared types, as the lake holds them."""
    arrays = {name: pa.array([row[name] for row in rows], logical_type(kind)) for name, kind in source.columns.items()}
    pq.write_table(pa.table(arrays), path)


class SmallLake:
    """Sources of a line as typed Parquet files in a folder, as the lake would hold them."""

    def __init__(self, line: Line, tables: Tables, folder: Path) -> None:
        self.line = line
        self.folder = folder
        self.snapshots: dict[str, Snapshot] = {}
        for name, source in line.sources.items():
            if source.sql is None:
                self._store(source, tables.get(name, ()), folder)

    def plan(
        self, request: Mapping[str, Any], *, memory_mib: int = 2048, scripts: Mapping[str, bytes] | None = None
    ) -> Plan:
        parsed = DatasetRequest.parse({"line": self.line.name, **request})
        return make_plan(
            parsed,
            self.line,
            release="0" * 64,
            snapshots=self.snapshots,
            memory_mib=memory_mib,
            scripts={name: digest_bytes(content) for name, content in (scripts or {}).items()},
            has_arrow=True,
        )

    def planned_files(self, plan: Plan) -> dict[str, list[Path]]:
        return {name: [Path(item.key) for item in part.objects] for name, part in plan.inputs.items()}

    def build(
        self,
        request: Mapping[str, Any],
        target: Path,
        *,
        memory_mib: int = 2048,
        scripts: Mapping[str, bytes] | None = None,
    ) -> dict[str, Column]:
        """Build with DuckDB and read the dataset back."""
        plan = self.plan(request, memory_mib=memory_mib, scripts=scripts)
        build_on_duckdb(plan, self.planned_files(plan), target, memory_mib=memory_mib, scripts=scripts)
        return read_dataset(target)

    def _store(self, source: Source, rows: Sequence[Row], folder: Path) -> None:
        """Two files, as after two months; none if there are no rows."""
        place = folder / source.name
        place.mkdir(parents=True)
        halves = [half for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]) if half]
        objects = []
        for number, half in enumerate(halves):
            path = place / f"{number}.parquet"
            write_rows(source, half, path)
            times = [to_micros(reference.happened_at(row, source)) for row in half if row.get(source.event_time or "")]
            objects.append(
                SnapshotObject(
                    key=str(path),
                    version="1",
                    bytes=path.stat().st_size,
                    rows=len(half),
                    min_time=min(times, default=None),
                    max_time=max(times, default=None),
                )
            )
        self.snapshots[source.name] = Snapshot(
            source=source.name, columns=source.columns, objects=tuple(objects), inexact=()
        )


def values_of(column: Column) -> list[Any]:
    """A column as Python values: instants as datetime, days as date, decimals as Decimal, None where null."""
    scale = decimal_scale(column.kind)
    found: list[Any] = []
    for value, valid in zip(column.values.tolist(), column.valid.tolist(), strict=True):
        if not valid:
            found.append(None)
        elif column.kind == "timestamp":
            found.append(from_micros(value))
        elif column.kind == "date":
            found.append(EPOCH.date() + timedelta(days=value))
        else:
            found.append(value if scale is None else Decimal(value).scaleb(-scale))
    return found


def rows_of(columns: Mapping[str, Column]) -> list[dict[str, Any]]:
    lists = {name: values_of(column) for name, column in columns.items()}
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
