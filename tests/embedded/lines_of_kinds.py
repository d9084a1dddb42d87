"""Two small lines whose outcomes are no yes or no, on generated data: an amount, and one of three classes."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import numpy as np

FOLDER = Path(__file__).parent / "kinds"
KINDS = ("spending", "triage")
SEED = 5


def write_lines_of_kinds(lines: Path) -> None:
    """The lines, into a folder of lines."""
    for name in KINDS:
        shutil.copytree(FOLDER / name, lines / name, ignore=shutil.ignore_patterns("__pycache__"))
        for script in ("train.py", "inference.py"):
            shutil.copy(FOLDER / script, lines / name)


def write_tables_of_kinds(folder: Path) -> Path:
    """Their raw tables: of 2026, until the end of May."""
    folder.mkdir()
    random = np.random.default_rng(SEED)
    with duckdb.connect() as connection:
        for name, columns in {"orders": _orders(random), "tickets": _tickets(random)}.items():
            parts = ", ".join(f"UNNEST(${column})::{kind} AS {column}" for column, (kind, _) in columns.items())
            given = {column: values.tolist() for column, (_, values) in columns.items()}
            connection.execute(f"CREATE TABLE {name} AS SELECT {parts}", given)
            connection.execute(f"COPY {name} TO '{folder / name}.parquet' (FORMAT parquet)")
        facts = "SELECT ticket_id, words, product FROM tickets"
        connection.execute(f"COPY ({facts}) TO '{folder / 'ticket_facts'}.parquet' (FORMAT parquet)")
    return folder


Columns = dict[str, tuple[str, np.ndarray]]


def _orders(random: np.random.Generator) -> Columns:
    """Each of 60 customers orders every few days, for an amount of their own."""
    customers = np.repeat(np.arange(60), 40)
    size = 5 + customers % 12 * 6
    amounts = np.round(size * random.lognormal(0, 0.3, len(customers)), 2)
    return {
        "customer_id": ("BIGINT", customers),
        "amount": ("DECIMAL(9,2)", amounts),
        "ordered_at": ("TIMESTAMP", _instants(random.uniform(0, 150, len(customers)))),
    }


def _tickets(random: np.random.Generator) -> Columns:
    """The product tells the team in four of five tickets; a ticket is closed within two days."""
    products = random.integers(0, 3, 3000)
    teams = np.where(random.random(3000) < 0.8, products, random.integers(0, 3, 3000))
    opened = random.uniform(0, 150, 3000)
    return {
        "ticket_id": ("BIGINT", np.arange(3000)),
        "words": ("BIGINT", random.integers(5, 200, 3000) + 50 * (teams == 1)),
        "product": ("VARCHAR", np.array(["invoice", "router", "shop"])[products]),
        "opened": ("TIMESTAMP", _instants(opened)),
        "closed": ("TIMESTAMP", _instants(opened + random.uniform(0.1, 2, 3000))),
        "team": ("VARCHAR", np.array(["billing", "network", "other"])[teams]),
    }


def _instants(days: np.ndarray) -> np.ndarray:
    """Texts of instants so many days into 2026, in whole seconds."""
    begin = np.datetime64("2026-01-01T00:00:00", "s")
    return np.datetime_as_string(begin + (days * 86_400).astype("timedelta64[s]"))
