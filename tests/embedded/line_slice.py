"""A small slice of the shipped line: a sixth of its households, and variants of its scripts that misbehave."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import duckdb

from assembly_line.features.files.columns_of_file import read_columns

REPOSITORY = Path(__file__).parents[2]
SHIPPED = REPOSITORY / "lines" / "coupon_redemption"
OF_HOUSEHOLDS = ("transactions", "coupon_redemptions", "campaigns", "demographics")
SHARE = 6


def write_slice(folder: Path) -> Path:
    """The raw tables of every sixth household; campaigns are kept whole."""
    whole, part = folder / "whole", folder / "slice"
    part.mkdir(parents=True)
    runpy.run_path(str(SHIPPED / "data.py"))["write_tables"](whole)
    with duckdb.connect() as connection:
        for table in whole.glob("*.parquet"):
            where = f"WHERE household_id::BIGINT % {SHARE} = 0" if table.stem in OF_HOUSEHOLDS else ""
            copy = f"COPY (SELECT * FROM read_parquet(?) {where}) TO '{part / table.name}' (FORMAT parquet)"
            connection.execute(copy, [str(table)])
    return part


def mailed(raw: Path, campaign: int) -> int:
    """How many households the slice mails in a campaign."""
    return sum(int(found) == campaign for found in read_columns(raw / "campaigns.parquet")["campaign_id"])


def variant(folder: Path, *, script: str, old: str, new: str) -> Path:
    """A folder of lines with the shipped one, one passage of a script replaced."""
    copy = folder / "coupon_redemption"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("__pycache__"))
    text = (copy / script).read_text(encoding="utf-8")
    assert old in text
    (copy / script).write_text(text.replace(old, new), encoding="utf-8")
    return folder
