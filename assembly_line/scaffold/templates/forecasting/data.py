"""Write the raw tables of the line as Parquet: python data.py FOLDER

The shop is made up, so that the line works before you have access to any table. Put your own tables in its place.
Each product is sold on each day, some on weekends more, from the first day until last midnight, UTC. Each day has
random numbers of its own: tomorrow's tables hold today's rows again, and those of one more day.
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
PRODUCTS = 30
SEED = 7
CATEGORIES = np.array(["books", "food", "tools"])

Columns = dict[str, NDArray[Any]]


def write_tables(folder: Path, *, now: datetime | None = None) -> list[Path]:
    """Write `<table>.parquet` for each table of the line into the folder, which is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    days = ((now or datetime.now(UTC)).astimezone(UTC).date() - FIRST_DAY).days
    return [_write(columns, folder / f"{name}.parquet") for name, columns in tables(days).items()]


def tables(days: int) -> dict[str, Columns]:
    """The columns of each table after so many days. A shop closes at 20:00, and writes down what it sold."""
    random = np.random.default_rng(SEED)
    numbers = np.arange(PRODUCTS)
    category = random.integers(0, len(CATEGORIES), PRODUCTS)
    usual, growth = random.uniform(20, 60, PRODUCTS), random.normal(0, 0.002, PRODUCTS)
    week = random.uniform(0.7, 1.4, (7, PRODUCTS))

    day = np.arange(days)[:, np.newaxis]
    weekday = (FIRST_DAY.weekday() + day[:, 0]) % 7
    expected = usual * np.exp(growth * day) * week[weekday]
    sold = [np.random.default_rng([SEED, number]).poisson(expected[number]) for number in range(days)]
    at = np.datetime64(FIRST_DAY, "us") + day * np.timedelta64(1, "D") + np.timedelta64(20, "h")
    return {
        "example_products": {
            "product_id": numbers,
            "category": CATEGORIES[category],
            "price": np.round(random.uniform(2, 60, PRODUCTS), 2),
        },
        "example_sales": {
            "product_id": np.tile(numbers, days),
            "quantity": np.array(sold).reshape(-1),
            "sold_at": np.repeat(at[:, 0], PRODUCTS),
        },
    }


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
