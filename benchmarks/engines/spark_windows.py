"""Windowed features by Spark's RANGE windows over events and decisions together."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as f

from benchmarks.child import Task, serve
from benchmarks.engines.sql import WIDTHS

DAY = 86_400_000_000


def prepare(task: Task) -> Callable[[], None]:
    spark = SparkSession.builder.getOrCreate()

    def work() -> None:
        opens = spark.read.parquet(*task.tables["spine"]).join(spark.read.parquet(*task.tables["days"]), "day_id")
        events = spark.read.parquet(*task.sources["events"])
        time = f.unix_micros("happened_at").alias("t")
        union = events.select("household_id", time, "cents", "product_id").unionByName(
            opens.select("household_id", f.unix_micros("opens").alias("t"), "opens"), allowMissingColumns=True
        )
        columns = []
        for width in WIDTHS:
            window = Window.partitionBy("household_id").orderBy("t").rangeBetween(-width * DAY, -1)
            columns += [
                f.sum("cents").over(window).alias(f"sum_{width}d"),
                f.count("cents").over(window).alias(f"count_{width}d"),
                f.avg("cents").over(window).alias(f"mean_{width}d"),
                f.max("cents").over(window).alias(f"max_{width}d"),
                f.size(f.collect_set("product_id").over(window)).cast("long").alias(f"distinct_{width}d"),
            ]
        windowed = union.select("household_id", "opens", *columns).where(f.col("opens").isNotNull())
        ordered = windowed.repartition(1).sortWithinPartitions("opens", "household_id")
        folder = Path(task.output + ".parts")
        ordered.write.mode("overwrite").parquet(str(folder), compression="zstd")
        (part,) = folder.glob("part-*.parquet")
        shutil.move(part, task.output)

    return work


if __name__ == "__main__":
    serve(prepare, {"spark": pyspark.__version__})
