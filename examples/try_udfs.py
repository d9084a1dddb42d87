"""Try an expression, a UDF and a view on the shipped line's public data, without AWS.

In the project's folder: .venv/bin/python -m examples.try_udfs FOLDER
FOLDER holds <source>.parquet files, as `.venv/bin/python lines/coupon_redemption/data.py FOLDER` writes them.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

from assembly_line import Feature, Source, days, expression, maximum, notebook, since_last, udf
from assembly_line.loader import load_line

PROJECT = Path(__file__).parents[1]
SHOWN = ["spend_trend", "product_entropy", "largest_basket", "days_since_large"]


def main(tables: Path) -> None:
    line = load_line(PROJECT / "lines", "coupon_redemption").line
    transactions = line.sources["transactions"]
    baskets = Source(
        name="baskets",
        description="One row for each basket of at least 50 dollars.",
        entities=transactions.entities,
        columns={"household_id": "int64", "basket_id": "int64", "bought_at": "timestamp", "value": "float64"},
        event_time="bought_at",
        delay=timedelta(0),
        zone="UTC",
        inputs=(transactions,),
        sql="""
            SELECT household_id, basket_id, max(transaction_timestamp) AS bought_at, sum(sales_value) AS value
            FROM transactions GROUP BY household_id, basket_id HAVING sum(sales_value) >= 50
        """,
    )
    trying: dict[str, Feature] = {
        "spend_trend": expression("(spend_30d - spend_90d / 3) / visits_90d"),
        "product_entropy": udf(
            transactions,
            "product_entropy",
            columns=("product_id", "sales_value"),
            returns="float64",
            window=days(30),
            script="udf_features.py",
        ),
        "largest_basket": maximum(baskets, "value", window=days(90)),
        "days_since_large": since_last(baskets, max_age=days(90)),
    }
    table = notebook.dataset(line, tables, as_of="2018-01-02", trying=trying, scripts=PROJECT / "examples")
    print(f"{table.num_rows} decisions, {table.num_columns} columns")
    print(table.to_pandas()[SHOWN].describe().loc[["count", "mean", "min", "50%", "max"]].round(3))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
