"""An explanation says what a build would do, tells the truth about what is pruned, and leaves everything as it was."""

from __future__ import annotations

from typing import Any

import pytest

from assembly_line.errors import RequestRefused
from assembly_line.features.planning.forecast import GLUE_DPU_HOUR, GLUE_LEAST_SECONDS, LAMBDA_GB_SECOND
from assembly_line.names import dataset_prefix
from assembly_line.storage.datasets.datasets import DatasetStore
from lambdas.dataset_request import handler
from tests.aws.features.conftest import LINE, Steps, World
from tests.aws.features.test_dataset_steps import everything_in

# Each test that plans or builds has a period of its own, so that nothing of it is there before.
SCORING = {"purpose": "scoring", "as_of": "2017-05-09", "from": "2017-05-08", "to": "2017-05-09"}

BOTH = ["spend_30d", "days_since_visit"]


def explained(steps: Steps, **request: Any) -> dict[str, Any]:
    return steps.call(handler.explain, {"line": LINE, **SCORING, **request})


def test_it_names_the_dataset_that_the_same_request_builds_and_writes_nothing(world: World) -> None:
    steps, store, lake_objects = world.steps, world.store, world.lake_objects
    before = everything_in(store, lake_objects)

    told = explained(steps, explain=True)

    assert everything_in(store, lake_objects) == before
    built = steps.run(**SCORING)
    assert told["dataset_id"] == built["dataset_id"]
    assert (told["exists"], told["engine"]) == (False, built["engine"])
    again = explained(steps)
    assert (again["exists"], again["dataset_id"]) == (True, told["dataset_id"])
    assert again["created"] == DatasetStore(store).manifest(LINE, told["dataset_id"])["created"]


def test_what_is_read_and_what_is_pruned_make_up_the_snapshot(world: World) -> None:
    own, store = {"from": "2017-05-07"}, world.store
    told = explained(world.steps, **own)
    world.steps.plan(**{**SCORING, **own})
    plan = DatasetStore(store).read_plan(f"{dataset_prefix(LINE, told['dataset_id'])}plan.json")

    for one in told["sources"]:
        snapshot = world.lake.snapshot(one["source"])
        read = plan.inputs[one["source"]].objects
        assert one["read"] == {
            "objects": len(read),
            "bytes": sum(item.bytes for item in read),
            "rows": sum(item.rows for item in read),
        }
        assert one["read"]["rows"] + one["pruned"]["rows"] == snapshot.rows
        assert one["read"]["objects"] + one["pruned"]["objects"] == len(snapshot.objects)
    pruned = {one["source"]: one["pruned"]["objects"] for one in told["sources"]}
    # A feature looks back a year at most, and the decisions are of May 2017: what happened later is not read.
    assert pruned["transactions"] > 0
    assert pruned["campaigns"] == 0
    assert told["estimate"]["bytes"] == sum(one["read"]["bytes"] for one in told["sources"])


def test_it_says_how_events_would_meet_the_decisions_and_the_manifest_how_they_did(world: World) -> None:
    both, one = ({**SCORING, "from": "2017-05-05", "features": names} for names in (BOTH, BOTH[:1]))
    by = "transactions by household_id"

    assert explained(world.steps, **both)["joins"] == {by: "sorted windows"}
    assert explained(world.steps, **both, engine="spark")["joins"] == {by: "sorted windows"}
    assert explained(world.steps, **one)["joins"] == {
        by: "sorted windows, or range join if decisions look at less than four fifths of their entities' time"
    }
    built = world.steps.run(**one)
    # All households are decided on at one instant: their windows are all that is read anyway.
    assert DatasetStore(world.store).manifest(LINE, built["dataset_id"])["engine"]["joins"] == {by: "sorted windows"}


def test_fewer_features_read_less_and_cost_less(world: World) -> None:
    everything, one = explained(world.steps), explained(world.steps, features=["spend_30d"])

    assert one["features"] == ["spend_30d"]
    assert one["estimate"]["bytes"] < everything["estimate"]["bytes"]
    assert one["estimate"]["usd"] < everything["estimate"]["usd"]


def test_costs_are_list_prices_of_the_time_that_is_estimated(world: World) -> None:
    steps = world.steps
    here, there = explained(steps, engine="duckdb")["estimate"], explained(steps, engine="spark")["estimate"]

    assert here["usd"] == pytest.approx(here["seconds"] * 3008 / 1024 * LAMBDA_GB_SECOND, rel=0.05)
    assert there["seconds"] >= GLUE_LEAST_SECONDS
    assert there["usd"] == pytest.approx(there["seconds"] / 3600 * 4 * GLUE_DPU_HOUR, rel=0.01)


def test_a_request_that_only_asks_is_never_planned_to_be_built(world: World) -> None:
    before = everything_in(world.store)

    with pytest.raises(RequestRefused, match="explain"):
        world.steps.plan(**{**SCORING, "from": "2017-05-06"}, explain=True)

    assert everything_in(world.store) == before
