"""Nine features of flights by themselves: how they bear a share of late rows, and what `distinct` takes beside others.

Processor time of the kernel alone, on rows as they were read; the least of several turns.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np

from assembly_line.declarations.features import Aggregate, Timed
from assembly_line.features import NEVER, Column, Decisions, Rows, evaluate, keys_of, sight_of
from benchmarks.flight_tables import make_late
from benchmarks.flights import FLIGHTS, LATE

TURNS = 3
SHARES = (0.0, 0.5, 1.0)


def main() -> None:
    taken = dict.fromkeys(SHARES, float("inf"))
    alone: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="late-") as place:
        tables = {share: _read(Path(place), share) for share in SHARES}
    for _ in range(TURNS):
        for share, read in tables.items():
            taken[share] = min(taken[share], sum(_seconds(read, name) for name in LATE))
        for name in LATE:
            alone[name] = min(alone.get(name, float("inf")), _seconds(tables[1.0], name))
    distinct = {name for name, feature in LATE.items() if isinstance(feature, Aggregate) and feature.kind == "distinct"}
    of_distinct, others = (
        [seconds for name, seconds in alone.items() if (name in distinct) is wanted] for wanted in (True, False)
    )
    print(
        json.dumps(
            {
                **{f"cpu_seconds_{share:.0%}_late": seconds for share, seconds in taken.items()},
                "slowest_against_quickest": max(taken.values()) / min(taken.values()),
                "distinct_against_others": max(of_distinct) / (sum(others) / len(others)),
            }
        )
    )


Read = Mapping[str, tuple[Decisions, Rows]]


def _read(folder: Path, share: float) -> Read:
    """Decisions and rows by each key."""
    tables = make_late("late", folder / f"{share}", late=share)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        flights = connection.execute(
            "SELECT origin_id, carrier_id, destination_id, tail_id, miles, minutes_late, epoch_us(departed_at) AS at, "
            f"coalesce(epoch_us(known_at), {NEVER}) AS known FROM '{tables.files['flights'][0]}'"
        ).fetchnumpy()
        planned = connection.execute(
            "SELECT origin_id, carrier_id, destination_id, epoch_us(opens) AS at "
            f"FROM '{tables.files['planned'][0]}' ORDER BY opens, flight_id"
        ).fetchnumpy()
    whole = np.ones(len(flights["at"]), np.bool_)
    columns = {
        name: Column(FLIGHTS.columns[name], flights[name], whole) for name in ("tail_id", "miles", "minutes_late")
    }
    return {
        key: (
            Decisions(planned[key], planned["at"]),
            Rows(flights[key], flights["at"], flights["known"], columns),
        )
        for key in ("origin_id", "carrier_id", "destination_id")
    }


def _seconds(read: Read, name: str) -> float:
    feature = LATE[name]
    if not isinstance(feature, Timed):
        raise TypeError(f"feature {name}: expected one of events")
    (key,) = keys_of(feature.by)
    decisions, rows = read[key]
    began = time.process_time()
    evaluate({name: feature}, Decisions(decisions.entities, decisions.times), rows, sight_of(FLIGHTS, "before"))
    return time.process_time() - began


if __name__ == "__main__":
    main()
