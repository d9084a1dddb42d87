"""Latest values by Polars' ASOF join, in an environment of its own."""

from __future__ import annotations

from collections.abc import Callable

import polars  # type: ignore[import-not-found]

from benchmarks.child import Task, serve


def prepare(task: Task) -> Callable[[], None]:
    def work() -> None:
        spine = polars.scan_parquet(task.tables["spine"]).join(polars.scan_parquet(task.tables["days"]), on="day_id")
        found = spine.sort("opens", "household_id")
        for source, files in task.sources.items():
            values = [polars.col(name).alias(f"latest_{name}") for name in task.columns[source]]
            events = polars.scan_parquet(files).select("household_id", "happened_at", *values).sort("happened_at")
            found = found.join_asof(
                events,
                left_on="opens",
                right_on="happened_at",
                by="household_id",
                strategy="backward",
                allow_exact_matches=False,
            ).drop("happened_at")
        found.collect().write_parquet(task.output, compression="zstd")

    return work


if __name__ == "__main__":
    serve(prepare, {"polars": polars.__version__})
