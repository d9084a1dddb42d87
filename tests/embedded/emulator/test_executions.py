"""Executions: names, children, and JSONata in the states where the stock emulator ignores it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.embedded.embedded_account import EmbeddedAccount, one_state, unique
from tests.waiting import eventually

WAITS = one_state({"Type": "Wait", "Seconds": 2})
FAILS = {"StartAt": "No", "States": {"No": {"Type": "Fail", "Error": "Bad", "Cause": "bad input"}}}


def child_task(machine: str, *, resource: str = "states:startExecution.sync:2") -> dict[str, object]:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": {"StateMachineArn": machine, "Input": {"x": 1}},
    }


def test_starting_again_under_the_same_name_finds_the_running_execution(cloud: EmbeddedAccount) -> None:
    machine, name = cloud.machine(WAITS), unique()

    first = cloud.start(machine, {"a": 1}, name=name)
    assert cloud.start(machine, {"a": 1}, name=name) == first
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        cloud.start(machine, {"a": 2}, name=name)

    cloud.end_of(first)
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        cloud.start(machine, {"a": 1}, name=name)


def test_a_child_execution_gives_its_output_as_json(cloud: EmbeddedAccount) -> None:
    child = cloud.machine(one_state({"Type": "Pass", "Result": {"rows": 7}}))

    output = json.loads(cloud.run(one_state(child_task(child)))["output"])

    assert output["Output"] == {"rows": 7}
    assert isinstance(output["StartDate"], int)
    text = json.loads(cloud.run(one_state(child_task(child, resource="states:startExecution.sync")))["output"])
    assert json.loads(text["Output"]) == {"rows": 7}


def test_a_failing_child_fails_its_parent_with_the_childs_description(cloud: EmbeddedAccount) -> None:
    end = cloud.run(one_state(child_task(cloud.machine(FAILS))))

    assert end["error"] == "States.TaskFailed"
    assert json.loads(end["cause"])["Error"] == "Bad"


def test_a_child_announces_its_end_on_the_bus(cloud: EmbeddedAccount) -> None:
    queue, arn = cloud.queue()
    child = cloud.machine(one_state({"Type": "Pass"}))
    events, rule = cloud.client("events"), unique()
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [child], "status": ["SUCCEEDED"]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])

    cloud.run(one_state(child_task(child)))

    assert json.loads(cloud.receive(queue)[0]["Body"])["detail"]["stateMachineArn"] == child
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)


def test_stopping_a_parent_stops_its_child(cloud: EmbeddedAccount) -> None:
    child = cloud.machine(one_state({"Type": "Wait", "Seconds": 20}))
    parent = cloud.start(cloud.machine(one_state(child_task(child))))
    running = eventually(lambda: cloud.states.list_executions(stateMachineArn=child)["executions"])[0]["executionArn"]

    cloud.states.stop_execution(executionArn=parent)

    assert cloud.end_of(running)["status"] == "ABORTED"


def test_jsonata_works_in_parallel_and_succeed(cloud: EmbeddedAccount) -> None:
    branch = one_state({"Type": "Pass", "Output": "{% $states.input.x + 1 %}"})
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "Both",
        "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [branch, branch],
                "Arguments": {"x": "{% $states.input.start * 10 %}"},
                "Assign": {"total": "{% $sum($states.result) %}"},
                "Output": {"results": "{% $states.result %}"},
                "Next": "Done",
            },
            "Done": {"Type": "Succeed", "Output": {"total": "{% $total %}", "all": "{% $states.input.results %}"}},
        },
    }

    assert json.loads(cloud.run(machine, {"start": 2})["output"]) == {"total": 42, "all": [21, 21]}
