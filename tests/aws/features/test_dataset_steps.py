"""The dataset functions: from a request to a dataset that exists once, and every bad request refused by name."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from assembly_line.errors import AssemblyError, NotFound, QualityGateFailed, RequestRefused
from assembly_line.features.files.columns_of_file import read_columns
from assembly_line.release import Release
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.models.releases import ReleaseStore
from assembly_line.storage.services.objects import ObjectStore
from lambdas.dataset import handler
from tests.aws.features.conftest import LINE, World

TRAINING = {"purpose": "training", "as_of": "2018-01-02"}
SCORING = {"purpose": "scoring", "as_of": "2017-05-09", "from": "2017-05-08", "to": "2017-05-09"}


@dataclass(frozen=True)
class Made:
    """What the three steps answered when a dataset was made for the first time."""

    plan: dict[str, Any]
    built: dict[str, Any]
    result: dict[str, Any]


def made(world: World, **request: Any) -> Made:
    plan = world.steps.plan(**request)
    built = world.steps.build(plan)
    return Made(plan, built, world.steps.finish(plan, built))


@pytest.fixture(scope="module")
def training(world: World) -> Made:
    return made(world, **TRAINING)


@pytest.fixture(scope="module")
def scoring(world: World) -> Made:
    return made(world, **SCORING)


def everything_in(*buckets: ObjectStore) -> dict[str, int]:
    return {bucket.uri(item.key): item.size for bucket in buckets for item in bucket.list("")}


def test_a_training_dataset_has_its_columns_its_rows_and_its_manifest(world: World, training: Made) -> None:
    result, line, datasets = training.result, world.release.line, DatasetStore(world.store)

    manifest = datasets.manifest(LINE, result["dataset_id"])
    with tempfile.TemporaryDirectory() as folder:
        datasets.download(LINE, result["dataset_id"], Path(folder) / "data.parquet")
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


def test_a_scoring_dataset_has_no_outcome_and_may_be_empty(world: World, scoring: Made) -> None:
    empty = world.steps.run(**{**SCORING, "from": "2017-01-02", "to": "2017-01-03"})

    assert scoring.result["rows"] > 0
    assert scoring.result["positives"] is None
    assert empty["rows"] == 0


def test_asking_again_gives_the_same_dataset_without_building(world: World, scoring: Made) -> None:
    before = everything_in(world.store)

    again = world.steps.plan(**{**SCORING, "engine": "spark"})

    assert again["exists"] is True
    assert again["manifest"] == {**scoring.result, "exists": True}
    assert world.steps.finish(again, None) == {**scoring.result, "exists": True}
    assert everything_in(world.store).keys() == before.keys()


def test_of_two_finished_attempts_the_first_is_kept(world: World, scoring: Made) -> None:
    first = scoring.result
    manifest = DatasetStore(world.store).manifest(LINE, first["dataset_id"])

    second = world.steps.finish(scoring.plan, {**world.steps.build(scoring.plan), "seconds": 999.0})

    assert second == {**first, "exists": True}
    assert DatasetStore(world.store).manifest(LINE, first["dataset_id"]) == manifest


def test_two_builds_of_one_plan_write_the_same_object(world: World, training: Made) -> None:
    assert world.steps.build(training.plan)["data_key"] == training.built["data_key"]


def test_of_a_build_the_machine_carries_little_and_where_the_rest_is(world: World, training: Made) -> None:
    built = training.built

    whole = world.store.read_json(built["built_key"])
    assert built["built_key"].rpartition("/")[0] == built["data_key"].rpartition("/")[0]
    assert built["findings"]["judged"] == len(whole["findings"]) > 2
    assert {one["rule"] for one in built["findings"]["first"]} <= {one["rule"] for one in whole["findings"]}
    assert len(json.dumps(built)) < 4096


HOSTILE = ["'; DROP TABLE spine; --", '"', "../../etc/passwd", "${jndi:ldap://x}", "{{7*7}}", "a" * 10_000, "", "é"]


BAD: list[tuple[dict[str, Any], str]] = [
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
]


def test_a_bad_request_is_refused_by_name_and_changes_nothing(world: World, subtests: pytest.Subtests) -> None:
    # No other test plans this dataset: what a plan would leave here is not there yet.
    request = {**TRAINING, "as_of": "2017-12-31"}
    before = everything_in(world.store, world.lake_objects)

    for changed, said in BAD:
        with subtests.test(str(changed)[:80]):
            with pytest.raises(AssemblyError) as refused:
                world.steps.plan(**{**request, **changed})
            assert isinstance(refused.value, RequestRefused | NotFound)
            assert said in str(refused.value)

    assert everything_in(world.store, world.lake_objects) == before


def test_a_request_that_is_no_object_is_refused(world: World) -> None:
    events: list[object] = [None, [], "text", 7]
    for event in events:
        with pytest.raises(RequestRefused, match="expected a JSON object"):
            world.steps.call(handler.plan, event)


def test_a_release_of_another_line_is_refused(world: World) -> None:
    line, scripts = world.release.line, world.release.scripts
    other = ReleaseStore(world.store).publish(Release(replace(line, name="other_line"), scripts))

    with pytest.raises(RequestRefused, match="is of line other_line, expected one of coupon_redemption"):
        world.steps.plan(**TRAINING, release=other)


def test_a_dataset_that_fails_the_gate_does_not_exist_and_its_findings_are_kept(world: World) -> None:
    plan = world.steps.plan(purpose="training", as_of="2017-02-01")
    built = world.steps.build(plan)

    with pytest.raises(QualityGateFailed, match=r"volume: 0 rows, .* choose a later as_of"):
        world.steps.finish(plan, built)

    assert DatasetStore(world.store).find_manifest(LINE, plan["dataset_id"]) is None
    findings = world.store.read_json(built["data_key"].replace("data.parquet", "quality.json"))
    assert {finding["rule"] for finding in findings if not finding["passed"]} == {"volume", "outcome_classes"}


def test_datasets_of_one_kind_are_the_history_of_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # It would take most of the time of each build.
    monkeypatch.setattr(handler, "audit_knowledge", lambda *_, **__: [])
    days, datasets = [f"2017-{month}-01" for month in ("07", "08", "09", "11")], DatasetStore(world.store)
    # No other dataset here has these features alone, so none is of their kind.
    kind = {"purpose": "training", "features": ["spend_30d", "income"]}
    ids = [world.steps.run(**kind, as_of=day)["dataset_id"] for day in days]
    world.steps.run(**kind, as_of=days[0])

    manifests = [datasets.manifest(LINE, dataset_id) for dataset_id in ids]
    judged = [{one["rule"]: one["result"] for one in manifest["quality"]} for manifest in manifests]
    assert [findings.get("history") for findings in judged] == ["not judged", "not judged", "not judged", None]
    assert {"volume against history", "nulls against history"} <= judged[3].keys()
    plan = datasets.read_plan(f"datasets/{LINE}/{ids[0]}/plan.json")
    assert [figures.dataset_id for figures in datasets.history(plan)] == ids[::-1]


def test_finishing_what_no_engine_built_says_so(world: World) -> None:
    plan = world.steps.plan(**{**TRAINING, "as_of": "2017-12-01"})

    with pytest.raises(NotFound, match="no engine has built it"):
        world.steps.finish(plan, None)
