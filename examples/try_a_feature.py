"""Try a feature of the shipped line on its public data, without AWS.

In the project's folder: .venv/bin/python -m examples.try_a_feature [FOLDER]
FOLDER holds <source>.parquet files; without it the line's own data.py writes them into a temporary folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from assembly_line import Feature, days, mean, notebook, ratio, total
from assembly_line.loader import load_line

LINES = Path(__file__).parents[1] / "lines"


def main(tables: Path) -> None:
    line = load_line(LINES, "coupon_redemption").line
    transactions = line.sources["transactions"]

    # Declared as in the line: what proves itself is moved into `features=` of lines/coupon_redemption/line.py as it is.
    trying: dict[str, Feature] = {
        "spend_7d": total(transactions, "sales_value", window=days(7)),
        "item_value_30d": mean(transactions, "sales_value", window=days(30)),
        "recent_share": ratio("spend_7d", "spend_90d"),
    }
    began = time.monotonic()
    table = notebook.dataset(line, tables, as_of="2018-01-02", trying=trying)
    print(f"{table.num_rows} decisions, {table.num_columns} columns in {time.monotonic() - began:.1f} s")

    frame = table.to_pandas()
    groups = frame.groupby(frame["recent_share"].gt(0.1))["redeemed"].agg(["size", "mean"])
    print(groups.rename_axis("a tenth of 90 days' spend in the last 7").round(4))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory(prefix="raw-tables-") as folder:
            subprocess.run([sys.executable, str(LINES / "coupon_redemption" / "data.py"), folder], check=True)
            main(Path(folder))
