"""Datasets over a lake that is loaded anew, was never loaded, or lost what its snapshots name."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from assembly_line.errors import NotFound, SourceUnreadable
from assembly_line.features.quality import audit_of_knowledge
from assembly_line.release import Release
from assembly_line.storage.lake.lake import Lake
from assembly_line.storage.services.objects import ObjectStore
from tests.aws.features.conftest import Steps

TRAINING = {"purpose": "training", "as_of": "2018-01-02", "features": ["spend_30d", "income", "age"]}
SCORING = {"purpose": "scoring", "as_of": "2017-05-09", "from": "2017-05-08", "to": "2017-05-09"}


def test_facts_are_held_against_the_snapshot_before(
    steps: Steps,
    loaded: Lake,
    *,
    store: ObjectStore,
    lake_objects: ObjectStore,
    release: Release,
    raw: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Facts are compared once, however many instants are audited.
    monkeypatch.setattr(audit_of_knowledge, "INSTANTS", 1)
    source, file = release.line.sources["demographics"], tmp_path / "demographics.parquet"
    first = loaded.snapshot("demographics")

    def found() -> dict[str, tuple[str, str]]:
        whole = store.read_json(steps.build(steps.plan(**TRAINING))["built_key"])
        return {one["rule"]: (one["result"], one["value"]) for one in whole["findings"] if "time" in one["rule"]}

    rule = "leakage: facts without a time of demographics"
    assert found()[rule] == ("not judged", "not comparable: no earlier snapshot")

    duckdb.execute(f"COPY (SELECT * REPLACE ('none' AS income) FROM '{raw}/demographics.parquet') TO '{file}'")
    for _ in range(2):  # the same content once more follows nothing new
        changed = loaded.load(source, file)
    assert changed.earlier is not None
    assert changed.earlier.snapshot == first.digest
    told = found()
    assert told["leakage: income changes without a time"][0] == "warning"
    assert rule not in told
    assert "leakage: age changes without a time" not in told

    lake_objects.delete_versions([one for one in lake_objects.versions("sources/demographics/") if not one.visible])
    assert found()[rule] == ("not judged", "not comparable: the earlier snapshot was deleted")


def test_a_dataset_keeps_its_snapshot_when_the_source_is_loaded_anew(
    steps: Steps, loaded: Lake, release: Release, raw: Path, tmp_path: Path
) -> None:
    plan = steps.plan(**SCORING)
    source = release.line.sources["campaigns"]
    fewer = tmp_path / "campaigns.parquet"
    duckdb.execute(f"COPY (SELECT * FROM '{raw}/campaigns.parquet' WHERE household_id % 40 = 0) TO '{fewer}'")
    loaded.load(source, fewer)

    old, new = steps.finish(plan, steps.build(plan)), steps.run(**SCORING)

    assert old["dataset_id"] != new["dataset_id"]
    assert old["spine_rows"] > new["spine_rows"]


def test_a_source_that_was_never_loaded_says_what_to_do(steps: Steps) -> None:
    with pytest.raises(NotFound, match=r"source campaign_descriptions: was never loaded .* run `line sources load`"):
        steps.plan(**TRAINING)


def test_an_object_of_the_lake_that_is_damaged_stops_the_build(
    steps: Steps, loaded: Lake, lake_objects: ObjectStore
) -> None:
    snapshot = lake_objects.read_json("snapshots/coupon_redemptions.json")
    item = snapshot["objects"][0]
    item["version"] = lake_objects.write(item["key"], b"x" * item["bytes"])
    lake_objects.write_json("snapshots/coupon_redemptions.json", snapshot)
    plan = steps.plan(**TRAINING)

    with pytest.raises(SourceUnreadable, match="source coupon_redemptions: cannot be read from the lake"):
        steps.build(plan)


def test_an_object_of_the_lake_that_is_gone_or_cut_short_stops_the_build(
    steps: Steps, loaded: Lake, lake_objects: ObjectStore
) -> None:
    snapshot = lake_objects.read_json("snapshots/demographics.json")
    item = snapshot["objects"][0]
    content = lake_objects.read(item["key"])
    for version in (lake_objects.write(item["key"], content[:-10]), "no-such-version"):
        lake_objects.write_json("snapshots/demographics.json", {**snapshot, "objects": [{**item, "version": version}]})
        plan = steps.plan(**TRAINING)
        with pytest.raises(SourceUnreadable, match=r"source demographics: .*run `line sources load`"):
            steps.build(plan)
