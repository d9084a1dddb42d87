"""Old datasets go, and never one that something refers to; what others build or ask for meanwhile stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from assembly_line.cli.exits import ExitCode
from assembly_line.cli.target import Target
from assembly_line.features.model.retention import StoredDataset, judge
from assembly_line.names import LedgerKind, dataset_prefix, review_item
from assembly_line.storage.datasets.finished_datasets import FinishedDatasets
from assembly_line.storage.datasets.references import references
from assembly_line.storage.datasets.retention import Retained, Retention
from assembly_line.storage.ledger.ledger import Ledger
from assembly_line.storage.services.objects import ObjectStore
from tests.unit.cli.released_world import NAME, PreparedSources, ReleasedWorld, open_world, whole_line

if TYPE_CHECKING:
    from tests.unit.cli.conftest import Command

LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(target: Target, prepared: PreparedSources) -> Iterator[ReleasedWorld]:
    """A world of two features, one of events and one of a static source: what goes or stays are their objects."""
    line = whole_line()
    few = {name: line.features[name] for name in ("events_count", "age")}
    with open_world(target, prepared, replace(line, features=few)) as opened:
        yield opened


@pytest.fixture
def built(target: Target) -> list[str]:
    """Ids of four datasets, as they lie in the store."""
    for bucket in ("lake", "store"):
        target.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    target.control.set_current_release(NAME, "f" * 64)
    names = [f"ds-{number:032x}" for number in range(4)]
    for name in names:
        prefix = dataset_prefix(NAME, name)
        target.store.write(f"{prefix}attempts/{name}/data.parquet", b"rows")
        target.store.write_json(f"{prefix}plan.json", {"inputs": {}})
        uri = target.store.uri(f"{prefix}attempts/{name}/data.parquet")
        manifest = {"dataset_id": name, "line": NAME, "created": "2026", "data_uri": uri, "snapshots": {}}
        target.store.write_json(f"{prefix}manifest.json", manifest)
    return names


def retention(target: Target) -> Retention:
    def found() -> dict[str, list[str]]:
        return references(NAME, store=target.store, control=target.control, ledger=target.ledger)

    return Retention(target.store, target.lake, NAME, found)


def carry_out(target: Target, *, keep_last: int = 0, cutoff: datetime = LATER) -> Retained:
    return retention(target).carry_out(cutoff=cutoff, keep_last=keep_last)


def finished(target: Target) -> set[str]:
    return {one.dataset_id for one in FinishedDatasets(target.store).of([NAME])}


def versions(bucket: ObjectStore, prefix: str = "") -> list[tuple[str, str]]:
    return [(one.key, one.version) for one in bucket.versions(prefix)]


def test_what_anything_refers_to_is_kept_and_the_rest_is_gone_for_good(target: Target, built: list[str]) -> None:
    by_run, by_review, by_ledger, by_nobody = built
    target.store.write_json(f"runs/{NAME}/r-1/run.json", {"dataset": {"dataset_id": by_run}})
    target.control.write(NAME, review_item("r-2"), {"packet": {"dataset_id": by_review}})
    Ledger(target.ledger).append(NAME, LedgerKind.PREDICTIONS, "20170801", "batch", [{"dataset_id": by_ledger}])
    Ledger(target.ledger).append(NAME, LedgerKind.PREDICTIONS, "20170802", "old", [{"decision_id": "d1-20170802-x"}])

    found = carry_out(target)

    assert finished(target) == {by_run, by_review, by_ledger}
    assert versions(target.store, dataset_prefix(NAME, by_nobody)) == []
    assert {one.dataset.dataset_id: one.why for one in found.verdicts} == {
        by_run: "run r-1 refers to it",
        by_review: "review r-2 refers to it",
        by_ledger: "the ledger refers to it",
        by_nobody: "finished, nothing refers to it",
    }
    assert found.bytes > 0


def test_a_claim_refers_to_nothing(target: Target, built: list[str]) -> None:
    target.control.write(NAME, f"dataset#{built[0]}", {"holder": "arn", "claimed_at": "x"})

    carry_out(target)

    assert finished(target) == set()


def test_a_plan_shows_the_same_and_changes_nothing(target: Target, built: list[str]) -> None:
    before = versions(target.store), versions(target.lake)

    shown = retention(target).plan(cutoff=LATER, keep_last=1)

    assert (versions(target.store), versions(target.lake)) == before
    assert sorted(one.kept for one in shown.verdicts) == [False, False, False, True]
    done = carry_out(target, keep_last=1)
    assert [(one.dataset.dataset_id, one.why) for one in done.verdicts] == [
        (one.dataset.dataset_id, one.why) for one in shown.verdicts
    ]
    assert done.bytes == shown.bytes


def test_what_was_asked_for_lately_is_kept(target: Target, built: list[str]) -> None:
    carry_out(target, cutoff=datetime.now(UTC) - timedelta(days=1))

    assert finished(target) == set(built)


def test_attempts_that_never_became_a_dataset_go_too(target: Target, built: list[str]) -> None:
    lost = f"{dataset_prefix(NAME, built[0])}attempts/0000/data.parquet"
    orphan = f"{dataset_prefix(NAME, 'ds-' + 'f' * 32)}attempts/1111/data.parquet"
    refused = f"{dataset_prefix(NAME, 'ds-' + 'e' * 32)}attempts/2222/"
    for key in (lost, orphan, f"{refused}data.parquet", f"{refused}quality.json"):
        target.store.write(key, b"12345678")
    target.store.write_json(f"runs/{NAME}/r-1/run.json", {"dataset_id": built[0]})

    found = carry_out(target)

    states = {one.dataset.dataset_id: one.dataset.state for one in found.verdicts}
    assert (states["ds-" + "f" * 32], states["ds-" + "e" * 32]) == ("unfinished", "refused")
    for key in (lost, orphan, f"{refused}data.parquet"):
        assert versions(target.store, key) == []
    assert finished(target) == {built[0]}
    assert lost in {one.key for one in found.leftovers}


def test_a_reference_that_comes_while_it_runs_brings_the_dataset_back(target: Target, built: list[str]) -> None:
    looks: list[dict[str, list[str]]] = []
    before = FinishedDatasets(target.store).datasets.manifest(NAME, built[0])

    def found() -> dict[str, list[str]]:
        looks.append({} if not looks else {built[0]: ["run r-9"]})
        return looks[-1]

    Retention(target.store, target.lake, NAME, found).carry_out(cutoff=LATER, keep_last=0)

    assert finished(target) == {built[0]}
    assert FinishedDatasets(target.store).datasets.manifest(NAME, built[0]) == before


def test_an_equal_dataset_that_is_built_while_it_runs_stays_whole(target: Target, world: ReleasedWorld) -> None:
    dataset = str(world.build()["dataset_id"])
    looks: list[int] = []

    def found() -> dict[str, list[str]]:
        looks.append(len(looks))
        if len(looks) == 2:  # the manifests are hidden by now: the same request builds anew, under the same keys
            assert world.build()["exists"] is False
        return {}

    Retention(target.store, target.lake, NAME, found).carry_out(cutoff=LATER, keep_last=0)

    manifest = FinishedDatasets(target.store).datasets.manifest(NAME, dataset)
    assert target.store.exists(target.store.key_of(manifest["data_uri"]))


def test_the_lake_keeps_what_a_dataset_or_a_snapshot_needs(target: Target, world: ReleasedWorld) -> None:
    dataset = str(world.build()["dataset_id"])
    old = FinishedDatasets(target.store).datasets.manifest(NAME, dataset)
    target.store.write_json(f"runs/{NAME}/r-1/run.json", {"dataset_id": dataset})
    world.load(12)
    world.load(13)  # what was loaded in between, no dataset was built of

    found = carry_out(target)

    needed = {(one["key"], one["version"]) for part in old["snapshots"].values() for one in part["objects"]}
    for source in world.line.sources:
        snapshot = target.lake.read_json(f"snapshots/{source}.json")
        needed |= {(one["key"], one["version"]) for one in snapshot["objects"]}
    left = {(one.key, one.version) for one in target.lake.versions("sources/") if not one.marker}
    assert needed <= left
    assert found.lake
    assert not {(one.key, one.version) for one in found.lake} & needed


def test_without_datasets_the_lake_keeps_its_snapshots_alone(target: Target, world: ReleasedWorld) -> None:
    world.build()
    world.load(12)

    carry_out(target)

    left = {one.key for one in target.lake.versions("sources/") if not one.marker}
    snapshots = [target.lake.read_json(item.key) for item in target.lake.list("snapshots/")]
    assert left == {one["key"] for snapshot in snapshots for one in snapshot["objects"]}


def test_the_command_shows_first_and_deletes_only_when_told(target: Target, line: Command, built: list[str]) -> None:
    shown = line("dataset", "retain", NAME, "--older-than", "90d", "--json")

    document: dict[str, Any] = json.loads(shown.out)
    assert (shown.code, document["deleted"], document["bytes"]) == (ExitCode.OK, False, 0)
    assert {one["dataset_id"]: one["why"] for one in document["datasets"]} == dict.fromkeys(
        built, "asked for since then"
    )
    done = line("dataset", "retain", NAME, "--older-than", "1d", "--yes")
    assert done.code == ExitCode.OK
    assert "kept" in done.out
    assert finished(target) == set(built)


def test_an_age_that_is_none_is_refused(
    target: Target, line: Command, built: list[str], subtests: pytest.Subtests
) -> None:
    for age in ("90", "0d", "-1d", "d", "1.5d", "90 d", "9999999d", "x"):
        with subtests.test(age):
            answer = line("dataset", "retain", NAME, f"--older-than={age}", "--yes")

            assert answer.code == ExitCode.REFUSED
            assert "--older-than" in answer.err
            assert finished(target) == set(built)


def test_the_last_ones_are_those_used_last_and_finished() -> None:
    day = datetime(2026, 1, 1, tzinfo=UTC)
    datasets = [
        StoredDataset(dataset_id=name, state=state, used=day + timedelta(days=number), bytes=1)  # type: ignore[arg-type]
        for number, (name, state) in enumerate(
            [("a", "finished"), ("b", "finished"), ("c", "refused"), ("d", "unfinished"), ("e", "finished")]
        )
    ]

    found = {one.dataset.dataset_id: one.kept for one in judge(datasets, {}, cutoff=LATER, keep_last=2)}

    assert found == {"a": False, "b": True, "c": False, "d": False, "e": True}
