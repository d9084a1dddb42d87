"""The small world with UDFs over its events, and what they must give by plain Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from assembly_line import days, expression, hours, udf
from assembly_line.declarations.lines import Line
from tests.unit.features import reference
from tests.unit.features.small_world import EVENTS, LATE, Row, a_line

SCRIPT = b'''
import pyarrow as pa
import pyarrow.compute as pc

DAY = 86_400_000_000


def faded(events: pa.Table) -> pa.Array:
    """How many events, each worth half as much a day later."""
    ages = pc.subtract(events["decision_time"], events["event_time"]).cast(pa.int64()).cast(pa.float64())
    worth = pc.power(0.5, pc.divide(ages, float(DAY)))
    table = pa.table({"decision": events["decision"], "worth": worth})
    return table.group_by("decision", use_threads=False).aggregate([("worth", "sum")])["worth_sum"]


def story(events: pa.Table) -> pa.Array:
    """The texts in order, and how many numbers are there."""
    told = [[] for _ in range(events["decision"][-1].as_py() + 1)]
    for place, text, number in zip(*(events[name].to_pylist() for name in ("decision", "s", "n"))):
        told[place].append(f"{text}{'' if number is None else number}")
    return pa.array(["|".join(texts) if len(texts) > 1 else None for texts in told], pa.string())
'''
SCRIPTS = {"features.py": SCRIPT}
COLUMNS = ("s", "n")


def with_udfs(line: Line | None = None) -> Line:
    """UDFs over both sources of events, and an expression over one of them."""
    line = a_line() if line is None else line
    events = line.sources[EVENTS.name]
    return replace(
        line,
        features={
            **{name: line.features[name] for name in ("events_count", "late_count", "kind")},
            "events_faded": udf(events, "faded", columns=(), returns="float64", window=days(2)),
            "events_story": udf(events, "story", columns=COLUMNS, returns="string", window=hours(30)),
            "late_faded": udf(LATE, "faded", columns=(), returns="float64", window=days(2)),
            "late_story": udf(LATE, "story", columns=COLUMNS, returns="string", window=hours(30)),
            "faded_share": expression("coalesce(late_faded, 0) / events_count"),
        },
    )


def faded(_: Sequence[Row], times: Sequence[datetime], at: datetime) -> float | None:
    return sum(0.5 ** ((at - time) / timedelta(days=1)) for time in times) if times else None


def story(events: Sequence[Row], _: Sequence[datetime], __: datetime) -> str | None:
    told = [f"{row['s']}{'' if row['n'] is None else row['n']}" for row in events]
    return "|".join(told) if len(told) > 1 else None


reference.OWN.update(faded=faded, story=story)
