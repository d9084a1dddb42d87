"""The dataset functions: from a request to a dataset that exists once, and every bad request refused by name."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assembly_line.errors import AssemblyError, NotFound, QualityGateFailed, RequestRefused, SourceUnreadable
from assembly_line.features.table import read_columns
from assembly_line.release import Release
from assembly_line.storage.datasets import DatasetStore
from assembly_line.storage.lake import Lake
from assembly_line.storage.objects import ObjectStore
from assembly_line.storage.releases import ReleaseStore
from lambdas.dataset import handler
from tests.aws.features.conftest import LINE, Steps

TRAINING = {"purpose": "training", "as_of": "2018-01-02"}
SCORING = {"purpose": "scoring", "as_of": "2017-05-09", "from": "2017-05-08", "to": "2017-05-09"}


def everything_in(*buckets: ObjectStore) -> dict[str, int]:
    return {bucket.uri(item.key): item.size for bucket in buckets for item in bucket.list("")}


def test_a_training_dataset_has_its_columns_its_rows_and_its_manifest(
    steps: Steps, loaded: Lake, store: ObjectStore, release: Release
) -> None:
    result = steps.run(**TRAINING)

    line = release.line
    manifest = DatasetStore(store).manifest(LINE, result["dataset_id"])
    with tempfile.TemporaryDirectory() as folder:
        DatasetStore(store).download(LINE, result["dataset_id"], Path(folder) / "data.parquet")
        columns = read_columns(Path(folder) / "data.parquet")
    assert list(columns) == [
        "decision_id", "decision_time", "household_id", "campaign_id", *line.features, "redeemed", "outcome_known_at",
    ]  # fmt: skip
    assert len(columns["redeemed"]) == result["rows"] == manifest["rows"] > 100
    assert sum(columns["redeemed"]) == result["positives"] == manifest["positives"] > 0
    assert columns["decision_time"] == sorted(columns["decision_time"])
    assert result["rows"] + sum(manifest["excluded"].values()) == result["spine_rows"]
    assert [feature["name"] for feature in manifest["features"]] == result["features"] == list(line.features)
    assert set(manifest["snapshots"]) == set(line.sources)
    assert len(manifest["limitations"]) == 3
    assert manifest["engine"]["name"] == result["engine"] == "duckdb"
    assert all(finding["passed"] for finding in manifest["quality"])
    assert len(manifest["logical_digest"]) == 64
    json.dumps(manifest, allow_nan=False)


def test_a_scoring_dataset_has_no_outcome_and_may_be_empty(steps: Steps, loaded: Lake) -> None:
    filled = steps.run(**SCORING)
    empty = steps.run(**{**SCORING, "from": "2017-01-02", "to": "2017-01-03"})

    assert filled["rows"] > 0
    assert filled["positives"] is None
    assert empty["rows"] == 0


def test_asking_again_gives_the_same_dataset_without_building(steps: Steps, loaded: Lake, store: ObjectStore) -> None:
    first = steps.run(**SCORING)
    before = everything_in(store)

    again = steps.plan(**{**SCORING, "engine": "spark"})

    assert again["exists"] is True
    assert again["manifest"] == {**first, "exists": True}
    assert steps.finish(again, None) == {**first, "exists": True}
    assert everything_in(store).keys() == before.keys()


def test_of_two_finished_attempts_the_first_is_kept(steps: Steps, loaded: Lake, store: ObjectStore) -> None:
    plan = steps.plan(**SCORING)
    built = steps.build(plan)
    first = steps.finish(plan, built)
    manifest = DatasetStore(store).manifest(LINE, first["dataset_id"])

    second = steps.finish(plan, {**steps.build(plan), "seconds": 999.0})

    assert second == {**first, "exists": True}
    assert DatasetStore(store).manifest(LINE, first["dataset_id"]) == manifest


def test_two_builds_of_one_plan_write_the_same_object(steps: Steps, loaded: Lake) -> None:
    plan = steps.plan(**TRAINING)

    assert steps.build(plan)["data_key"] == steps.build(plan)["data_key"]


def test_of_a_build_the_machine_carries_little_and_where_the_rest_is(
    steps: Steps, loaded: Lake, store: ObjectStore
) -> None:
    built = steps.build(steps.plan(**TRAINING))

    whole = store.read_json(built["built_key"])
    assert built["built_key"].rpartition("/")[0] == built["data_key"].rpartition("/")[0]
    assert built["findings"]["judged"] == len(whole["findings"]) > 2
    assert {one["rule"] for one in built["findings"]["first"]} <= {one["rule"] for one in whole["findings"]}
    assert len(json.dumps(built)) < 4096


def test_facts_are_held_against_the_snapshot_before(
    steps: Steps,
    loaded: Lake,
    *,
    store: ObjectStore,
    lake_objects: ObjectStore,
    release: Release,
    raw: Path,
    tmp_path: Path,
) -> None:
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


HOSTILE = ["'; DROP TABLE spine; --", '"', "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "a" * 10_000, "", "é"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        *[({"features": [name]}, "features") for name in HOSTILE],
        *[({"line": name}, "line") for name in HOSTILE],
        *[({"release": name}, "release") for name in HOSTILE],
        *[({"groups": [name]}, "groups") for name in HOSTILE],
        *[({"as_of": name}, "as_of") for name in HOSTILE],
        ({"features": ["no_such"]}, "has no feature 'no_such'; it has spend_30d"),
        ({"features": []}, "features"),
        ({"features": "spend_30d"}, "features"),
        ({"line": "no_such_line"}, "released lines: coupon_redemption"),
        ({"release": "f" * 64}, "the current release of coupon_redemption is"),
        ({"purpose": "both"}, "purpose"),
        ({"as_of": "yesterday"}, "as_of: 'yesterday'"),
        ({"as_of": "2017-13-01"}, "as_of"),
        ({"as_of": "2017-07-01T00:00:00"}, "has no zone"),
        ({"as_of": 20170701}, "as_of"),
        ({"as_of": None}, "as_of"),
        ({"from": "2017-07-02", "to": "2017-07-01"}, "is not before"),
        ({"purpose": "scoring"}, "needs from and to"),
        ({"engine": "pandas"}, "engine"),
        ({"surprise": 1}, "surprise: unknown field; there are line"),
    ],
)
def test_a_bad_request_is_refused_by_name_and_changes_nothing(
    steps: Steps, store: ObjectStore, lake_objects: ObjectStore, changed: dict[str, Any], said: str
) -> None:
    before = everything_in(store, lake_objects)

    with pytest.raises(AssemblyError) as refused:
        steps.plan(**{**TRAINING, **changed})

    assert isinstance(refused.value, RequestRefused | NotFound)
    assert said in str(refused.value)
    assert everything_in(store, lake_objects) == before


@pytest.mark.parametrize("event", [None, [], "text", 7])
def test_a_request_that_is_no_object_is_refused(steps: Steps, event: object) -> None:
    with pytest.raises(RequestRefused, match="expected a JSON object"):
        steps.call(handler.plan, event)


def test_a_release_of_another_line_is_refused(steps: Steps, loaded: Lake, store: ObjectStore, release: Release) -> None:
    other = ReleaseStore(store).publish(Release(replace(release.line, name="other_line"), release.scripts))

    with pytest.raises(RequestRefused, match="is of line other_line, expected one of coupon_redemption"):
        steps.plan(**TRAINING, release=other)


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


def test_a_dataset_that_fails_the_gate_does_not_exist_and_its_findings_are_kept(
    steps: Steps, loaded: Lake, store: ObjectStore
) -> None:
    plan = steps.plan(purpose="training", as_of="2017-02-01")
    built = steps.build(plan)

    with pytest.raises(QualityGateFailed, match=r"volume: 0 rows, .* choose a later as_of"):
        steps.finish(plan, built)

    assert DatasetStore(store).find_manifest(LINE, plan["dataset_id"]) is None
    findings = store.read_json(built["data_key"].replace("data.parquet", "quality.json"))
    assert {finding["rule"] for finding in findings if not finding["passed"]} == {"volume", "outcome_classes"}


def test_datasets_of_one_kind_are_the_history_of_the_next(steps: Steps, loaded: Lake, store: ObjectStore) -> None:
    days = [f"2017-{month}-01" for month in ("07", "08", "09", "11")]
    ids = [steps.run(purpose="training", as_of=day)["dataset_id"] for day in days]
    steps.run(purpose="training", as_of=days[0])

    manifests = [DatasetStore(store).manifest(LINE, dataset_id) for dataset_id in ids]
    judged = [{one["rule"]: one["result"] for one in manifest["quality"]} for manifest in manifests]
    assert [findings.get("history") for findings in judged] == ["not judged", "not judged", "not judged", None]
    assert {"volume against history", "nulls against history"} <= judged[3].keys()
    plan = DatasetStore(store).read_plan(f"datasets/{LINE}/{ids[0]}/plan.json")
    assert [figures.dataset_id for figures in DatasetStore(store).history(plan)] == ids[::-1]


def test_finishing_what_no_engine_built_says_so(steps: Steps, loaded: Lake) -> None:
    plan = steps.plan(**TRAINING)

    with pytest.raises(NotFound, match="no engine has built it"):
        steps.finish(plan, None)
