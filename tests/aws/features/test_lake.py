"""The lake: a load replaces a source whole or not at all, and the catalog says what is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from assembly_line.connectors import reader_of
from assembly_line.errors import Conflict, NotFound, SourceUnreadable
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake, PreparedSource
from assembly_line.storage.services import partial_parquet
from assembly_line.storage.services.objects import ObjectStore
from tests.aws.features.conftest import DATABASE

if TYPE_CHECKING:
    from mypy_boto3_glue.client import GlueClient

REDEMPTIONS = "coupon_redemptions"


def part_of(raw: Path, folder: Path, name: str, condition: str) -> Path:
    target = folder / f"{name}.parquet"
    duckdb.execute(f"COPY (SELECT * FROM '{raw}/{name}.parquet' WHERE {condition}) TO '{target}'")
    return target


def months_in_catalog(glue: GlueClient) -> set[str]:
    found = glue.get_partitions(DatabaseName=DATABASE, TableName=REDEMPTIONS)["Partitions"]
    return {partition["Values"][0] for partition in found}


@pytest.fixture
def redemptions(lake: Lake, prepared: list[PreparedSource]) -> Lake:
    """A lake with this source only."""
    lake.replace(next(one for one in prepared if one.source.name == REDEMPTIONS))
    return lake


def test_of_large_objects_little_but_the_columns_that_will_be_read_is_copied(
    lake: Lake, release: Release, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assembly_line.storage.lake.lake.LEAST_BYTES", 32 << 10)
    monkeypatch.setattr(partial_parquet, "LEAST_HOLE_BYTES", 4 << 10)
    monkeypatch.setattr(partial_parquet, "TAIL_BYTES", 8 << 10)
    objects = lake.load(
        release.line.sources["transactions"], reader_of("parquet", raw / "transactions.parquet")
    ).objects
    whole = lake.fetch_objects("transactions", objects, tmp_path / "whole")
    copied, read_range = list[int](), ObjectStore.read_range

    def reading(store: ObjectStore, key: str, first: int, end: int, *, version: str | None = None) -> tuple[bytes, int]:
        copied.append(end - first)
        return read_range(store, key, first, end, version=version)

    monkeypatch.setattr(ObjectStore, "read_range", reading)
    some = lake.fetch_objects("transactions", objects, tmp_path / "some", columns={"household_id"})

    assert [path.stat().st_size for path in some] == [path.stat().st_size for path in whole]
    assert 0 < sum(copied) < 0.5 * sum(item.bytes for item in objects)
    ours, theirs = ([read_columns(path, ["household_id"]) for path in paths] for paths in (some, whole))
    assert ours == theirs
    monkeypatch.setattr(ObjectStore, "read_range", lambda store, key, *_, **__: (b"", len(store.read(key))))
    only_whole = lake.fetch_objects("transactions", objects, tmp_path / "again", columns={"household_id"})
    assert [path.read_bytes() for path in only_whole] == [path.read_bytes() for path in whole]
    monkeypatch.setattr(ObjectStore, "read_range", read_range)
    short = replace(objects[0], bytes=objects[0].bytes + 1000)
    with pytest.raises(SourceUnreadable, match=rf"has {objects[0].bytes} bytes, expected {short.bytes}; run `line sou"):
        lake.fetch_objects("transactions", [short], tmp_path / "short", columns={"household_id"})


def test_a_source_is_fetched_as_it_was_loaded_and_loading_it_again_changes_nothing(
    lake: Lake, release: Release, raw: Path, tmp_path: Path
) -> None:
    source, file = release.line.sources["transactions"], raw / "transactions.parquet"
    loaded = lake.load(source, reader_of("parquet", file))
    snapshot = lake.snapshot("transactions")
    assert snapshot == loaded

    paths = lake.fetch(snapshot, "transactions", tmp_path)

    baskets = [value for path in paths for value in read_columns(path, ["basket_id"])["basket_id"]]
    assert sorted(baskets) == sorted(read_columns(raw / "transactions.parquet", ["basket_id"])["basket_id"])
    assert snapshot.rows == len(baskets)
    some = lake.fetch(snapshot, "transactions", tmp_path / "some", months={"2017-03"})
    assert len(some) == 1
    assert lake.load(source, reader_of("parquet", file)) == snapshot


def test_the_catalog_has_the_columns_and_a_partition_for_each_month(
    redemptions: Lake, release: Release, raw: Path, glue: GlueClient, lake_objects: ObjectStore
) -> None:
    table = glue.get_table(DatabaseName=DATABASE, Name=REDEMPTIONS)["Table"]

    columns = {column["Name"]: column["Type"] for column in table["StorageDescriptor"]["Columns"]}
    assert columns == {
        "household_id": "bigint",
        "campaign_id": "bigint",
        "coupon_upc": "bigint",
        "redemption_date": "date",
    }
    keys = [item.key for item in lake_objects.list(f"sources/{REDEMPTIONS}/")]
    assert months_in_catalog(glue) == {key.split("month=")[1][:7] for key in keys}
    redemptions.load(release.line.sources["campaigns"], reader_of("parquet", raw / "campaigns.parquet"))
    static = glue.get_table(DatabaseName=DATABASE, Name="campaigns")["Table"]
    assert static["PartitionKeys"] == []


@pytest.fixture
def summer(raw: Path, tmp_path: Path) -> Path:
    """The redemptions of two months."""
    return part_of(raw, tmp_path, REDEMPTIONS, "month(redemption_date) IN (6, 7)")


def test_a_load_replaces_the_whole_source_also_in_the_catalog_and_old_versions_stay_readable(
    redemptions: Lake,
    release: Release,
    *,
    summer: Path,
    tmp_path: Path,
    lake_objects: ObjectStore,
    glue: GlueClient,
) -> None:
    old = redemptions.snapshot(REDEMPTIONS)

    new = redemptions.load(release.line.sources[REDEMPTIONS], reader_of("parquet", summer))

    assert months_in_catalog(glue) == {"2017-06", "2017-07"}
    assert {item.key for item in lake_objects.list(f"sources/{REDEMPTIONS}/")} == {item.key for item in new.objects}
    fetched = redemptions.fetch(old, REDEMPTIONS, tmp_path / "old")
    assert sum(len(read_columns(path, ["household_id"])["household_id"]) for path in fetched) == old.rows


def test_a_file_that_cannot_be_loaded_leaves_the_source_as_it_was(
    lake: Lake, release: Release, raw: Path, tmp_path: Path, lake_objects: ObjectStore
) -> None:
    source = release.line.sources["campaigns"]
    lake.load(source, reader_of("parquet", raw / "campaigns.parquet"))
    before = [(item.key, item.size) for item in lake_objects.list("")]
    file = tmp_path / "campaigns.parquet"

    for content in (None, b"", b"household_id,campaign_id\n1,2\n"):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(SourceUnreadable, match=r"^source campaigns: campaigns\.parquet: "):
            lake.load(source, reader_of("parquet", file))

    assert [(item.key, item.size) for item in lake_objects.list("")] == before


def test_a_load_that_dies_half_way_leaves_the_old_snapshot_in_force(
    redemptions: Lake, release: Release, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = redemptions.snapshot(REDEMPTIONS)
    fewer = part_of(raw, tmp_path, REDEMPTIONS, "campaign_id % 2 = 1")
    write = ObjectStore.write
    written: list[str] = []

    def dying(self: ObjectStore, key: str, content: bytes, **options: Any) -> str:
        written.append(key)
        if len(written) > 2:
            raise ConnectionError("the network is gone")
        return write(self, key, content, **options)

    monkeypatch.setattr(ObjectStore, "write", dying)
    with pytest.raises(ConnectionError):
        redemptions.load(release.line.sources[REDEMPTIONS], reader_of("parquet", fewer))
    monkeypatch.undo()

    assert redemptions.snapshot(REDEMPTIONS) == old
    fetched = redemptions.fetch(old, REDEMPTIONS, tmp_path / "old")
    assert sum(len(read_columns(path, ["household_id"])["household_id"]) for path in fetched) == old.rows


def test_a_declaration_that_changed_changes_the_table(
    redemptions: Lake, release: Release, raw: Path, glue: GlueClient
) -> None:
    source = release.line.sources[REDEMPTIONS]
    narrower = replace(source, columns={name: kind for name, kind in source.columns.items() if name != "coupon_upc"})

    redemptions.load(narrower, reader_of("parquet", raw / f"{REDEMPTIONS}.parquet"))

    table = glue.get_table(DatabaseName=DATABASE, Name=REDEMPTIONS)["Table"]
    partition = glue.get_partitions(DatabaseName=DATABASE, TableName=REDEMPTIONS)["Partitions"][0]
    for descriptor in (table["StorageDescriptor"], partition["StorageDescriptor"]):
        assert "coupon_upc" not in {column["Name"] for column in descriptor["Columns"]}


def test_a_source_whose_table_would_take_the_place_of_another_is_refused_and_changes_nothing(
    redemptions: Lake, release: Release, glue: GlueClient, raw: Path
) -> None:
    """`Coupon-redemptions` is another source; the catalog knows neither its capital nor its dash."""
    before = glue.get_table(DatabaseName=DATABASE, Name=REDEMPTIONS)["Table"]["StorageDescriptor"]
    other = replace(release.line.sources[REDEMPTIONS], name="Coupon-redemptions")

    with pytest.raises(
        Conflict, match=r"table coupon_redemptions of the Glue catalog holds .*sources/coupon_redemptions/"
    ):
        redemptions.load(other, reader_of("parquet", raw / f"{REDEMPTIONS}.parquet"))

    assert glue.get_table(DatabaseName=DATABASE, Name=REDEMPTIONS)["Table"]["StorageDescriptor"] == before
    with pytest.raises(NotFound):
        redemptions.snapshot(other.name)


def test_a_source_that_was_never_loaded_is_not_found(lake: Lake) -> None:
    with pytest.raises(NotFound, match="source transactions: was never loaded"):
        lake.snapshot("transactions")
