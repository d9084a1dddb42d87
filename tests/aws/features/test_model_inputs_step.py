"""The step that prepares model inputs: once, as the manifest says; a dataset that has none is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from assembly_line.errors import Conflict, NotFound, RequestRefused
from assembly_line.features.model_inputs.preprocessing import Fitted
from assembly_line.storage.datasets.model_inputs import ModelInputsStore
from lambdas.dataset import handler, model_inputs
from lambdas.dataset.stores import stores
from tests.aws.features.conftest import LINE, Steps, World

TRAINING = {"purpose": "training", "as_of": "2018-01-02"}
TREES: dict[str, Any] = {"type": "gradient_boosting", "split": {"holdout": 0.3, "keep_together": ["campaign_id"]}}


@pytest.fixture(scope="module")
def dataset(world: World) -> dict[str, Any]:
    """The datasets of the tests, built before any of them asks for one."""
    return world.steps.run(**TRAINING)


def prepared(steps: Steps, model: dict[str, Any], **changed: Any) -> dict[str, Any]:
    plan = steps.plan(**{**TRAINING, **changed}, model=model)
    dataset = plan["manifest"] if plan["exists"] else steps.finish(plan, steps.build(plan))
    event = {"plan_key": plan["plan_key"], "model": plan["model"], "dataset": dataset}
    return steps.call(model_inputs.prepare_inputs, json.loads(json.dumps(event)))


@pytest.mark.usefixtures("dataset")
def test_model_inputs_are_made_once_and_their_files_are_those_of_their_manifest(world: World, tmp_path: Path) -> None:
    steps, store = world.steps, world.store
    answer = prepared(steps, TREES)
    again = prepared(steps, {"split": {**TREES["split"], "window": "expanding"}, "type": "gradient_boosting"})
    folds = prepared(steps, {"type": "linear", "split": {"folds": 3}})

    inputs = ModelInputsStore(store)
    assert again["shape"] == {**answer["shape"], "exists": True}
    assert answer["rows"] == again["rows"] > 0
    assert [one["shape_id"] for one in inputs.of(LINE, answer["dataset_id"])] == [
        folds["shape"]["shape_id"], answer["shape"]["shape_id"],
    ]  # fmt: skip
    assert [(part["fold"], part["name"]) for part in folds["shape"]["parts"]] == [
        (fold, part) for fold in (1, 2, 3) for part in ("train", "test")
    ]
    manifest = inputs.chosen(LINE, answer["dataset_id"], answer["shape"]["shape_id"][:8])
    files = inputs.download(manifest, tmp_path)
    assert {path.name for path in files} == {
        "train.csv", "train.ids.csv", "test.csv", "test.ids.csv", "fitted.json", "manifest.json",
    }  # fmt: skip
    (fitted,) = answer["shape"]["fitted"]
    assert Fitted.from_json(store.read_json(store.key_of(fitted["uri"]))).digest == fitted["digest"]
    assert hashlib.sha256((tmp_path / "fitted.json").read_bytes()).hexdigest() == fitted["digest"]
    train = next(part for part in answer["shape"]["parts"] if part["name"] == "train")
    lines = (tmp_path / "train.csv").read_text().splitlines()
    assert len(lines) == train["rows"]
    assert sum(line.startswith("1,") for line in lines) == train["positives"] > 0
    assert manifest["model"]["split"]["holdout"] == 0.3
    assert json.dumps(manifest, allow_nan=False)


def test_the_first_manifest_is_kept_and_a_changed_file_is_noticed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A dataset of its own, because a file of its model inputs is spoilt; auditing it would take most of the time.
    monkeypatch.setattr(handler, "audit_knowledge", lambda *_, **__: [])
    own, store = {"features": ["spend_30d", "income"]}, world.store
    first = prepared(world.steps, TREES, **own)
    monkeypatch.setattr(ModelInputsStore, "find", lambda *_: None)

    second = prepared(world.steps, TREES, **own)

    assert second["shape"] == {**first["shape"], "exists": True}
    manifest = ModelInputsStore(store).chosen(LINE, first["dataset_id"], None)
    store.write(store.key_of(manifest["files_uri"]) + "test.csv", b"0,1\n")
    with pytest.raises(Conflict, match=r"test\.csv: its digest is"):
        ModelInputsStore(store).download(manifest, tmp_path)
    with pytest.raises(NotFound, match="has no model inputs sh-#"):
        ModelInputsStore(store).chosen(LINE, first["dataset_id"], "sh-#")


@pytest.mark.usefixtures("dataset")
def test_what_a_machine_cannot_hold_is_refused_before_it_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MEMORY_MIB", "1")
    stores.cache_clear()
    request.addfinalizer(stores.cache_clear)

    with pytest.raises(RequestRefused, match=r"model: \d+ rows x 25 columns, to be written as 20, need about 1 MiB"):
        prepared(world.steps, {"type": "linear"})


BAD_SPECS: list[tuple[object, str]] = [
    ({"type": "gradient_boosting", "split": {"holdout": 1.5}}, "model.split.holdout: 1.5: "),
    ({"type": "gradient_boosting", "split": {"holdout": float("nan")}}, "model.split.holdout: nan: "),
    ({"type": "gradient_boosting", "split": {"folds": 1}}, "model.split.folds: 1: "),
    ({"type": "gradient_boosting", "split": {"folds": True}}, "model.split.folds: True: "),
    ({"type": "gradient_boosting", "split": {"hold": 0.5}}, "model.split.hold: unknown field; there are holdout"),
    ({"type": "gradient_boosting", "encoding": "target"}, "model.encoding: 'target': "),
    ({"type": "linear", "split": {"keep_together": ["'; DROP TABLE x"]}}, "model.split.keep_together.0: "),
    ({"type": "linear", "split": {"keep_together": ["age"]}}, "model.split.keep_together: 'age': expected key"),
    ({"type": "ranking", "group": ["../../x"]}, "model.group.0: "),
    (
        {"type": "ranking", "group": ["age"]},
        "model.group: 'age': expected key columns of the decision: household_id",
    ),
    ({"type": "ranking"}, "model.group: is missing"),
    ({"type": "forecasting", "horizon": 0}, "model.horizon: 0: "),
    ({"type": "forecasting", "horizon": 2, "series": ["decision_time"]}, "model.series: 'decision_time'"),
    ({"type": "survival"}, "model.type: survival needs to know when the outcome happened, but redeemed"),
    ({"type": "deep"}, "model.type: 'deep': expected one of 'gradient_boosting', 'linear'"),
    ({}, "model.type: is missing"),
    ("linear", "model: 'linear': "),
]


def test_a_bad_model_spec_is_refused_by_name_before_anything_is_built(world: World, subtests: pytest.Subtests) -> None:
    # No other test plans this dataset: what a plan would leave here is not there yet.
    request = {**TRAINING, "as_of": "2017-12-31"}
    before = [item.key for item in world.store.list("")]

    for model, said in BAD_SPECS:
        with subtests.test(str(model)):
            with pytest.raises(RequestRefused) as refused:
                world.steps.plan(**request, model=model)
            assert said in str(refused.value)

    assert [item.key for item in world.store.list("")] == before


def test_scoring_has_no_model_inputs_and_plain_is_as_without(world: World) -> None:
    scoring = {"purpose": "scoring", "as_of": "2017-05-09", "from": "2017-05-08", "to": "2017-05-09"}
    with pytest.raises(RequestRefused, match="model: a scoring dataset has no outcome, so no model inputs"):
        world.steps.plan(**scoring, model={"type": "linear"})

    assert world.steps.plan(**TRAINING, model={"type": "plain"})["model"] is None
    assert world.steps.plan(**TRAINING)["model"] is None
