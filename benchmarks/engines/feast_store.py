"""The latest value by Feast's point-in-time join on its duckdb store, without a TTL, in an environment of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import feast  # type: ignore[import-not-found]
import pandas
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Int64  # type: ignore[import-not-found]

from benchmarks.child import Task, serve


def prepare(task: Task) -> Callable[[], None]:
    folder = Path(task.output).parent / "feast"
    folder.mkdir(exist_ok=True)
    # It reads one file a source. Writing that, and the registry, is not measured.
    events = folder / "events.parquet"
    pq.write_table(pq.ParquetDataset(task.sources["events"]).read(["household_id", "happened_at", "cents"]), events)
    store = FeatureStore(
        config=RepoConfig(
            project="bench",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": "duckdb"},
            online_store=None,
            entity_key_serialization_version=3,
        )
    )
    household = Entity(name="household", join_keys=["household_id"])
    view = FeatureView(
        name="purchases",
        entities=[household],
        ttl=timedelta(0),
        schema=[Field(name="cents", dtype=Int64)],
        source=FileSource(path=str(events), timestamp_field="happened_at"),
    )
    store.apply([household, view])

    def work() -> None:
        spine = pandas.read_parquet(task.tables["spine"][0]).merge(
            pandas.read_parquet(task.tables["days"][0]), on="day_id"
        )
        # Feast sees what happened at or before a decision, the line what happened before it.
        spine["event_timestamp"] = spine["opens"] - pandas.Timedelta(microseconds=1)
        asked = spine[["household_id", "opens", "event_timestamp"]]
        found = store.get_historical_features(entity_df=asked, features=["purchases:cents"]).to_df()
        found = found.rename(columns={"cents": "latest_cents"}).sort_values(["opens", "household_id"])
        found[["household_id", "opens", "latest_cents"]].to_parquet(task.output, compression="zstd")

    return work


if __name__ == "__main__":
    serve(prepare, {"feast": feast.__version__})
