"""Publishing a scored batch, from answers to ledger and outbox: today's columns, and the rows of the first version.

Both builds run the same step on the same data, alternately, and must write the same bytes. The least of each counts.
With BENCH=full the older build has a million decisions too, which takes 8 GiB, and today's ten million.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.processes import PROJECT, run

# The last build that made a value of each decision.
ROWS_BUILD = "5b1fce1387275003a194a7ab98254cb0bd9c2e29"
ONCE = Path(__file__).with_name("publish_once.py")
TURNS = 3
LIMIT_SECONDS = 3600.0
MICRO = 1e6


def main() -> None:
    full = os.environ.get("BENCH") == "full"
    with tempfile.TemporaryDirectory(prefix="publishing-") as place:
        rows_build = checked_out(Path(place) / "build")
        sizes = [10_000, 100_000, 1_000_000, *([10_000_000] if full else [])]
        data = {size: _made(Path(place) / str(size), size) for size in sizes}
        _same_bytes(rows_build, data[10_000])
        least: dict[str, float] = {}
        by_rows = 1_000_000 if full else 100_000
        for _ in range(TURNS):
            for what, build, size in (("rows", rows_build, by_rows), ("columns", PROJECT, 1_000_000)):
                found = _published(build, data[size])
                least[what] = min(least.get(what, float("inf")), found["cpu_seconds"] / size * MICRO)
                least[f"{what}_mib"] = max(least.get(f"{what}_mib", 0), found["mib"])
        if full:
            found = _published(PROJECT, data[10_000_000])
            least |= {"columns_10m": found["cpu_seconds"] / 10, "columns_10m_mib": found["mib"]}
    print(json.dumps({**least, "times_less": least["rows"] / least["columns"]}))


def checked_out(folder: Path) -> Path:
    """The build that worked row by row, as files."""
    folder.mkdir()
    archive = subprocess.run(["git", "archive", ROWS_BUILD], cwd=PROJECT, check=True, capture_output=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


def _made(folder: Path, size: int) -> Path:
    """Decisions of a week with random scores: `data.parquet` and `answers.csv`."""
    folder.mkdir()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "COPY (SELECT 'd1-' || strftime(decision_time, '%Y%m%d') || '-' || md5(n::VARCHAR) AS decision_id, "
            "decision_time, n AS household_id, n % 7 AS campaign_id, (hash(n) % 10000) / 100.0 AS spend FROM ("
            "SELECT range AS n, TIMESTAMPTZ '2017-08-08 00:00:00+00' + INTERVAL 1 HOUR * (range * 168 // "
            f"{size}) AS decision_time FROM range({size}))) TO '{folder}/data.parquet' (FORMAT parquet)"
        )
        connection.execute(
            "COPY (SELECT decision_id, (hash(decision_id)::DOUBLE / 18446744073709551616)::VARCHAR "
            f"FROM '{folder}/data.parquet') TO '{folder}/answers.csv' (FORMAT csv, HEADER false)"
        )
    return folder


def _same_bytes(rows_build: Path, data: Path) -> None:
    by_rows, in_columns = (_published(build, data, "digests")["digests"] for build in (rows_build, PROJECT))
    if by_rows != in_columns:
        raise SystemExit(f"the builds write different bytes: {by_rows} by rows, {in_columns} in columns")


def _published(build: Path, data: Path, digests: str = "none") -> dict[str, Any]:
    variables = {"PYTHONPATH": str(build), "ASSEMBLY_LINE_BUNDLE_ONLY": "1"}
    return run([sys.executable, "-P", str(ONCE), str(data), digests], seconds=LIMIT_SECONDS, variables=variables)


if __name__ == "__main__":
    main()
