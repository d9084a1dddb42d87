"""A feature tried in a notebook gives, once it is released with the line, the very same dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assembly_line import days, mean, notebook, ratio, total
from assembly_line.declarations.features import Feature
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from examples.try_a_feature import main
from tests.aws.features.conftest import Steps


def test_what_was_tried_is_what_the_dataset_machine_builds(
    steps: Steps, loaded: Lake, store: ObjectStore, release: Release, raw: Path
) -> None:
    line = release.line
    transactions = line.sources["transactions"]
    trying: dict[str, Feature] = {
        "spend_7d": total(transactions, "sales_value", window=days(7)),
        "item_value_30d": mean(transactions, "sales_value", window=days(30)),
        "recent_share": ratio("spend_7d", "spend_90d"),
    }
    tried = notebook.dataset(line, raw, as_of="2018-01-02", trying=trying)
    moved = Release(replace(line, features={**line.features, **trying}), release.scripts)
    digest = ReleaseStore(store).publish(moved)

    built = steps.run(purpose="training", as_of="2018-01-02", release=digest)

    data = store.read(store.key_of(built["data_uri"]))
    recorded = pq.read_table(pa.BufferReader(data))
    assert tried.num_rows == built["rows"] > 0
    assert tried.replace_schema_metadata(None).equals(recorded.replace_schema_metadata(None))


def test_the_example_runs_as_it_stands(raw: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(raw)

    said = capsys.readouterr().out
    assert "28 columns in" in said
    assert "True" in said
