"""The table of flights: see `flights`. Generated, the same every time."""

from __future__ import annotations

from pathlib import Path

import duckdb

from assembly_line.features import TypedFile
from benchmarks.flights import FLIGHTS, PLANNED
from benchmarks.tables import SHIFT, Tables, snapshot_of

ROWS = 337_000
# Three airports, sixteen carriers and 105 destinations, the first of which are the busiest.
ORIGINS, CARRIERS, DESTINATIONS, TAILS = 3, 16, 105, 4000
# Flights are known three quarters of an hour to nearly six hours after departure; one of fifty up to three days later,
# one of a thousand never.
SOONEST, SPREAD, TAIL, TAIL_SHARE, NEVER_SHARE = 45, 300, 4320, 0.02, 0.001
AHEAD_MINUTES, YEAR_MINUTES = 15, 365 * 24 * 60
# A machine of 1 GiB: of ten times the rows it reads some entities after the other.
MEMORY_MIB = 1024


def make_late(name: str, folder: Path, *, copies: int = 1, late: float = 1.0, rows: int = ROWS) -> Tables:
    """Flights, and the decisions before them.

    Args:
        copies: how many times so many rows, each with places of its own.
        late: the share of rows that become known late; the others are known when they happen.
    """
    folder.mkdir(parents=True)
    flights, planned = folder / "flights.parquet", folder / "planned.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"CREATE TABLE f AS {_flights(copies, late, rows)}")
        columns = ", ".join(FLIGHTS.columns)
        connection.execute(f"COPY (SELECT {columns} FROM f ORDER BY departed_at) TO '{flights}' (COMPRESSION zstd)")
        columns = ", ".join(PLANNED.columns)
        connection.execute(f"COPY (SELECT {columns} FROM f ORDER BY flight_id) TO '{planned}' (COMPRESSION zstd)")
        found = connection.execute("SELECT count(*), epoch_us(min(departed_at)), epoch_us(max(departed_at)) FROM f")
        number, least, greatest = found.fetchall()[0]
    events = TypedFile(path=flights, month=None, rows=number, min_time=least, max_time=greatest)
    spine = TypedFile(path=planned, month=None, rows=number, min_time=None, max_time=None)
    return Tables(
        name=name,
        folder=folder,
        files={FLIGHTS.name: [flights], PLANNED.name: [planned]},
        snapshots={FLIGHTS.name: snapshot_of(FLIGHTS, [events]), PLANNED.name: snapshot_of(PLANNED, [spine])},
        spine_rows=number,
        events=number,
        memory_mib=MEMORY_MIB,
    )


def _flights(copies: int, late: float, rows: int) -> str:
    def chance(number: int) -> str:
        return f"(hash(i * 20 + {number}) / 1.8446744073709552e19)"

    def whole(number: str) -> str:
        return f"CAST(floor({number}) AS BIGINT)"

    departed = f"TIMESTAMPTZ '2017-01-01' + to_minutes({AHEAD_MINUTES} + i * {YEAR_MINUTES - AHEAD_MINUTES} // {rows})"
    tail = f"CASE WHEN {chance(2)} < {TAIL_SHARE} THEN {TAIL} * {chance(3)} ELSE 0 END"
    later = f"{SOONEST} + {SPREAD} * {chance(1)} + {tail}"
    return f"""
        SELECT i + k * {rows} AS flight_id,
        {whole(f"{ORIGINS} * {chance(4)}")} + k * {SHIFT} AS origin_id,
        {whole(f"{CARRIERS} * {chance(5)} * {chance(6)}")} + k * {SHIFT} AS carrier_id,
        {whole(f"{DESTINATIONS} * {chance(7)} * sqrt({chance(8)})")} + k * {SHIFT} AS destination_id,
        {whole(f"{TAILS} * {chance(9)}")} AS tail_id,
        {whole(f"100 + 2500 * {chance(10)}")} AS miles,
        {whole(f"100 * ln(1 - {chance(11)}) * ln(1 - {chance(12)})")} / 10 - 10 AS minutes_late,
        {departed} AS departed_at,
        departed_at - to_minutes({AHEAD_MINUTES}) AS opens,
        CASE WHEN {chance(13)} >= {late} THEN departed_at
             WHEN {chance(14)} >= {NEVER_SHARE} THEN departed_at + to_minutes({whole(later)}) END AS known_at
        FROM range({rows}) r(i), range({copies}) c(k)
    """
