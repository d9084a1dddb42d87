"""Distributed maps in JSONata: each item runs in an execution of its own, as many failures as tolerated."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.embedded.embedded_account import EmbeddedAccount


def machine(condition: str, **limits: Any) -> dict[str, Any]:
    """Works on the input's items; an item fails unless it fulfils the condition."""
    work = {
        "StartAt": "Works",
        "States": {
            "Works": {
                "Type": "Choice",
                "Choices": [{"Condition": f"{{% {condition} %}}", "Next": "Done"}],
                "Default": "Broken",
            },
            "Done": {"Type": "Pass", "Output": "{% $states.input.known & ':' & $states.input.item %}", "End": True},
            "Broken": {"Type": "Fail", "Error": "Bad", "Cause": "bad item"},
        },
    }
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Know",
        "States": {
            "Know": {"Type": "Pass", "Assign": {"items": "{% $states.input %}", "word": "w"}, "Next": "Each"},
            "Each": {
                "Type": "Map",
                "Label": "Items",
                "Items": "{% $items %}",
                "ItemSelector": {
                    "item": "{% $string($states.context.Map.Item.Value) %}",
                    "known": "{% $word & $string($states.context.Map.Item.Index) %}",
                },
                "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **work},
                "MaxConcurrency": 2,
                "Assign": {"found": "{% $states.result %}"},
                "Output": "{% {'of': $count($states.result)} %}",
                "Next": "Tell",
                **limits,
            },
            "Tell": {
                "Type": "Pass",
                "Output": {"count": "{% $states.input.of %}", "found": "{% $found %}"},
                "End": True,
            },
        },
    }


def run_counts(cloud: EmbeddedAccount, execution: str) -> tuple[str, int, int]:
    (run,) = cloud.states.list_map_runs(executionArn=execution)["mapRuns"]
    found = cloud.states.describe_map_run(mapRunArn=run["mapRunArn"])
    return found["status"], found["itemCounts"]["succeeded"], found["itemCounts"]["failed"]


def test_items_get_what_the_selector_makes_of_them_and_the_state_its_results(cloud: EmbeddedAccount) -> None:
    execution = cloud.start(cloud.machine(machine("true")), [{"a": 1}, 7, "x"])
    end = cloud.end_of(execution)

    assert json.loads(end["output"]) == {"count": 3, "found": ['w0:{"a":1}', "w1:7", "w2:x"]}
    assert run_counts(cloud, execution) == ("SUCCEEDED", 3, 0)


@pytest.mark.parametrize(("tolerated", "status"), [({}, "FAILED"), ({"ToleratedFailureCount": 1}, "SUCCEEDED")])
def test_items_may_fail_as_often_as_is_tolerated(
    cloud: EmbeddedAccount, tolerated: dict[str, int], status: str
) -> None:
    execution = cloud.start(cloud.machine(machine("$states.input.item != '2'", **tolerated)), [1, 2, 3])
    end = cloud.end_of(execution)

    assert end["status"] == status
    assert run_counts(cloud, execution) == (status, 2, 1)
    if status == "SUCCEEDED":
        assert json.loads(end["output"])["found"] == ["w0:1", None, "w2:3"]
    else:
        assert end["error"] == "States.ExceedToleratedFailureThreshold"


def test_an_item_knows_no_variable_of_the_machine_around_it(cloud: EmbeddedAccount) -> None:
    end = cloud.run(machine("$word = 'w'"), [1])
    assert end["status"] == "FAILED"
