"""Write the raw tables of the line as Parquet: python data.py FOLDER

The tickets are made up, so that the line works before you have access to any table. Put your own in their place.
They come from the first day until now. A ticket is closed within two days of its opening, and names its team then.
Each day has random numbers of its own: tomorrow's tables hold today's tickets again, and more.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

FIRST_DAY = date(2020, 1, 1)
TICKETS_A_DAY = 40
CUSTOMERS = 300
SEED = 7
PRODUCTS = np.array(["invoice", "router", "shop"])
TEAMS = np.array(["billing", "network", "sales"])

Columns = dict[str, NDArray[Any]]


def write_tables(folder: Path, *, now: datetime | None = None) -> list[Path]:
    """Write `<table>.parquet` for each table of the line into the folder, which is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    known = tables((now or datetime.now(UTC)).astimezone(UTC))
    return [_write(columns, folder / f"{name}.parquet") for name, columns in known.items()]


def tables(now: datetime) -> dict[str, Columns]:
    """The columns of each table at an instant. The product tells the team of four tickets in five."""
    days = (now.date() - FIRST_DAY).days + 1
    day = np.repeat(np.arange(days), TICKETS_A_DAY)
    product = np.floor(_each_day(days, 0) * 3).astype(int)
    team = np.where(_each_day(days, 1) < 0.8, product, np.floor(_each_day(days, 2) * 3).astype(int))
    opened = np.datetime64(FIRST_DAY, "us") + ((day + _each_day(days, 3)) * 86_400).astype("timedelta64[s]")
    closed = opened + (3600 + _each_day(days, 5) * 165_000).astype("timedelta64[s]")
    at = np.datetime64(now.replace(tzinfo=None), "us")
    named = TEAMS.astype(object)[team]
    named[closed > at] = None
    tickets = {
        "ticket_id": np.arange(len(day)),
        "customer_id": np.floor(_each_day(days, 4) ** 2 * CUSTOMERS).astype(np.int64),
        "opened_at": opened,
        "closed_at": np.where(closed <= at, closed, np.datetime64("NaT")),
        "team": named,
    }
    texts = {
        "ticket_id": tickets["ticket_id"],
        "words": np.floor(20 + _each_day(days, 6) * 150 + 60 * (team == 1)).astype(np.int64),
        "product": PRODUCTS[product],
    }
    found = {"example_tickets": tickets, "example_texts": texts}
    return {name: {column: values[opened <= at] for column, values in table.items()} for name, table in found.items()}


def _each_day(days: int, number: int) -> NDArray[np.float64]:
    """A random number in [0, 1) for each ticket of each day, in their order."""
    return np.concatenate([np.random.default_rng([SEED, day, number]).random(TICKETS_A_DAY) for day in range(days)])


def _write(columns: Columns, target: Path) -> Path:
    partial = target.with_suffix(".partial")
    with duckdb.connect() as connection:
        connection.register("columns", columns)
        connection.table("columns").write_parquet(str(partial))
    partial.replace(target)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    write_tables(Path(sys.argv[1]))
