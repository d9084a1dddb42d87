"""Write the raw tables of the line as Parquet: python data.py FOLDER

The shop is made up, so that the line works before you have access to any table. Put your own tables in its place.
Customers visit and order from the first day until last midnight, UTC. Some of them leave without a word.
Each day has random numbers of its own: tomorrow's tables hold today's rows again, and those of one more day.
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
CUSTOMERS = 300
SEED = 7
PLANS = np.array(["free", "basic", "plus"])
REGIONS = np.array(["north", "south", "east", "west"])
MEAN_DAYS_TO_LEAVE = 200

Columns = dict[str, NDArray[Any]]


def write_tables(folder: Path, *, now: datetime | None = None) -> list[Path]:
    """Write `<table>.parquet` for each table of the line into the folder, which is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    days = ((now or datetime.now(UTC)).astimezone(UTC).date() - FIRST_DAY).days
    return [_write(columns, folder / f"{name}.parquet") for name, columns in tables(days).items()]


def tables(days: int) -> dict[str, Columns]:
    """The columns of each table after so many days."""
    random = np.random.default_rng(SEED)
    numbers = np.arange(CUSTOMERS)
    plan, region = random.integers(0, len(PLANS), CUSTOMERS), random.integers(0, len(REGIONS), CUSTOMERS)
    interest = random.gamma(1.5, 0.04, CUSTOMERS) * (1 + plan / 2)
    leaves = random.exponential(MEAN_DAYS_TO_LEAVE, CUSTOMERS)

    chance, minute, worth = (_each_day(days, number) for number in range(3))
    visited = (chance < 3 * interest) & (np.arange(days)[:, None] < leaves)
    ordered = visited & (chance < interest)
    at = np.datetime64(FIRST_DAY, "us") + np.arange(days)[:, None] * np.timedelta64(1, "D")
    at = at + (minute * 1430).astype("timedelta64[m]")
    amount = np.round(-25 * np.log1p(-worth) * (1 + plan), 2)
    who = np.broadcast_to(numbers, ordered.shape)
    return {
        "example_customers": {"customer_id": numbers, "plan": PLANS[plan], "region": REGIONS[region]},
        "example_visits": {"customer_id": who[visited], "visited_at": at[visited]},
        "example_orders": {
            "customer_id": who[ordered],
            "order_id": np.arange(np.count_nonzero(ordered)),
            "amount": amount[ordered],
            "ordered_at": at[ordered] + np.timedelta64(5, "m"),
        },
    }


def _each_day(days: int, number: int) -> NDArray[np.float64]:
    """A random number in [0, 1) for each day and customer: shape (days, CUSTOMERS)."""
    drawn = [np.random.default_rng([SEED, day, number]).random(CUSTOMERS) for day in range(days)]
    return np.array(drawn).reshape(days, CUSTOMERS)


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
