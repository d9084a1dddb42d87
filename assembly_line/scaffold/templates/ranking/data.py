"""Write the raw tables of the line as Parquet: python data.py FOLDER

The mails are made up, so that the line works before you have access to any table. Put your own in their place.
Each midnight, UTC, some customers get a mail with eight products, from the first day until today. Within two days they
buy some of these. Each day has random numbers of its own: tomorrow's tables hold today's mails again, and more.
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
CUSTOMERS, PRODUCTS = 60, 24
MAILS_A_DAY, PRODUCTS_A_MAIL = 20, 8
SEED = 7
CATEGORIES = np.array(["books", "food", "tools"])

Columns = dict[str, NDArray[Any]]


def write_tables(folder: Path, *, now: datetime | None = None) -> list[Path]:
    """Write `<table>.parquet` for each table of the line into the folder, which is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    known = tables((now or datetime.now(UTC)).astimezone(UTC))
    return [_write(columns, folder / f"{name}.parquet") for name, columns in known.items()]


def tables(now: datetime) -> dict[str, Columns]:
    """The columns of each table at an instant. A product has its price, and a customer likes some products better."""
    random = np.random.default_rng(SEED)
    category = random.integers(0, len(CATEGORIES), PRODUCTS)
    price = np.round(random.uniform(2, 60, PRODUCTS), 2)
    taste = random.normal(-2, 0.6, PRODUCTS) - price / 60 + random.normal(0, 1.2, (CUSTOMERS, PRODUCTS))

    days = (now.date() - FIRST_DAY).days + 1
    mails = [_mails(day, taste) for day in range(days)]
    customer, product, day, buys, after = (np.concatenate(columns) for columns in zip(*mails, strict=True))
    mailed = np.datetime64(FIRST_DAY, "us") + day * np.timedelta64(1, "D")
    bought = mailed + (60 + after * 172_000).astype("timedelta64[s]")
    done = buys & (bought <= np.datetime64(now.replace(tzinfo=None), "us"))
    return {
        "example_mails": {"customer_id": customer, "product_id": product, "mailed_at": mailed},
        "example_purchases": {
            "customer_id": customer[done],
            "product_id": product[done],
            "bought_at": bought[done],
        },
        "example_products": {"product_id": np.arange(PRODUCTS), "category": CATEGORIES[category], "price": price},
    }


def _mails(day: int, taste: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
    """Customer, product, day, whether it is bought and how late, for each product of each mail of a day."""
    random = np.random.default_rng([SEED, day])
    customer = np.repeat(random.permutation(CUSTOMERS)[:MAILS_A_DAY], PRODUCTS_A_MAIL)
    shown = [random.permutation(PRODUCTS)[:PRODUCTS_A_MAIL] for _ in range(MAILS_A_DAY)]
    product = np.concatenate(shown)
    chance = 1 / (1 + np.exp(-taste[customer, product]))
    buys, after = random.random(len(product)) < chance, random.random(len(product))
    return customer, product, np.full(len(product), day), buys, after


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
