"""The latest value by Polars' ASOF join, in an environment of its own."""

from __future__ import annotations

from collections.abc import Callable

import polars  # type: ignore[import-not-found]

from benchmarks.child import Task, serve


def prepare(task: Task) -> Callable[[], None]:
    def work() -> None:
        events = polars.scan_parquet(task.events).select("household_id", "happened_at", "cents").sort("happened_at")
        spine = polars.scan_parquet(task.spine).join(polars.scan_parquet(task.days), on="day_id")
        joined = spine.sort("opens", "household_id").join_asof(
            events,
            left_on="opens",
            right_on="happened_at",
            by="household_id",
            strategy="backward",
            allow_exact_matches=False,
        )
        chosen = joined.select("household_id", "opens", polars.col("cents").alias("latest_cents"))
        chosen.collect().write_parquet(task.output, compression="zstd")

    return work


if __name__ == "__main__":
    serve(prepare, {"polars": polars.__version__})
