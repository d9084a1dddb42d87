"""RedriveExecution: goes on at the state that failed, with what is known; its successes are not repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.embedded.embedded_account import EmbeddedAccount, one_state, unique
from tests.waiting import eventually

# Fails until somebody writes the object.
NEEDS = """
import boto3
def handle(event, context):
    try:
        boto3.client("s3").head_object(Bucket=event["bucket"], Key=event["name"])
    except Exception as error:
        raise LookupError(event["name"]) from error
    return event
"""


def machine(function: str, marks: str, **limits: Any) -> dict[str, Any]:
    """Leaves a message, then needs something: a machine whose second task fails until it is there."""
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Mark",
        "States": {
            "Mark": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage",
                "Arguments": {"QueueUrl": marks, "MessageBody": "ran"},
                "Assign": {"known": "{% $states.input %}"},
                "Next": "Need",
            },
            "Need": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Arguments": {"FunctionName": function, "Payload": "{% $known %}"},
                "Output": "{% {'redrives': $states.context.Execution.RedriveCount, 'known': $known} %}",
                "End": True,
                **limits,
            },
        },
    }


@pytest.fixture(scope="module")
def needs(cloud: EmbeddedAccount) -> str:
    return cloud.function(NEEDS)


def bucket_of(cloud: EmbeddedAccount) -> str:
    name = unique()
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def kinds(cloud: EmbeddedAccount, execution: str) -> list[str]:
    return [event["type"] for event in cloud.states.get_execution_history(executionArn=execution)["events"]]


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_redriven_execution_goes_on_where_it_failed(cloud: EmbeddedAccount, needs: str) -> None:
    (marks, _), bucket = cloud.queue(), bucket_of(cloud)
    (told, arn), rule, events = cloud.queue(), unique(), cloud.client("events")
    definition = cloud.machine(machine(needs, marks))
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [definition], "status": ["RUNNING"]}}
    pattern["detail"]["redriveCount"] = [{"numeric": [">", 0]}]  # type: ignore[index]
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "queue", "Arn": arn}])
    execution = cloud.start(definition, {"bucket": bucket, "name": "it"})
    assert cloud.end_of(execution)["status"] == "FAILED"
    before = kinds(cloud, execution)

    cloud.states.redrive_execution(executionArn=execution)
    failed = cloud.end_of(execution)
    assert (failed["status"], failed["redriveCount"], failed["redriveStatus"]) == ("FAILED", 1, "REDRIVABLE")
    cloud.client("s3").put_object(Bucket=bucket, Key="it", Body=b"")
    cloud.states.redrive_execution(executionArn=execution)

    end = cloud.end_of(execution)
    assert (end["status"], end["redriveCount"], "error" in end) == ("SUCCEEDED", 2, False)
    assert json.loads(end["output"]) == {"redrives": 2, "known": {"bucket": bucket, "name": "it"}}
    assert kinds(cloud, execution) == [
        *before, "ExecutionRedriven", "TaskScheduled", "TaskFailed", "ExecutionFailed",
        "ExecutionRedriven", "TaskScheduled", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    counted = cloud.client("sqs").get_queue_attributes(QueueUrl=marks, AttributeNames=["All"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "1"
    assert json.loads(cloud.receive(told)[0]["Body"])["detail"]["redriveCount"] == 1
    events.remove_targets(Rule=rule, Ids=["queue"])
    events.delete_rule(Name=rule)


def test_only_what_failed_can_be_redriven(cloud: EmbeddedAccount) -> None:
    definition = cloud.machine(one_state({"Type": "Wait", "Seconds": 20}))
    running = cloud.start(definition)
    succeeded = cloud.start(cloud.machine(one_state({"Type": "Pass"})))
    assert cloud.end_of(succeeded)["status"] == "SUCCEEDED"
    for execution in (running, succeeded):
        with pytest.raises(ClientError) as refused:
            cloud.states.redrive_execution(executionArn=execution)
        assert code_of(refused) == "ExecutionNotRedrivable"
    with pytest.raises(ClientError) as unknown:
        cloud.states.redrive_execution(executionArn=f"{running}-other")
    assert code_of(unknown) == "ExecutionDoesNotExist"
    cloud.states.stop_execution(executionArn=running)


def test_a_fail_state_fails_again(cloud: EmbeddedAccount, needs: str) -> None:
    (marks, _), bucket = cloud.queue(), bucket_of(cloud)
    definition = machine(needs, marks, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Bad"}])
    definition["States"]["Bad"] = {"Type": "Fail", "Error": "Bad", "Cause": "for good"}
    execution = cloud.start(cloud.machine(definition), {"bucket": bucket, "name": "it"})
    cloud.end_of(execution)
    cloud.client("s3").put_object(Bucket=bucket, Key="it", Body=b"")

    cloud.states.redrive_execution(executionArn=execution)

    assert cloud.end_of(execution)["error"] == "Bad"
    assert kinds(cloud, execution)[-3:] == ["ExecutionRedriven", "FailStateEntered", "ExecutionFailed"]


def test_a_stopped_execution_goes_on(cloud: EmbeddedAccount) -> None:
    execution = cloud.start(cloud.machine(one_state({"Type": "Wait", "Seconds": 1})))
    eventually(lambda: "WaitStateEntered" in kinds(cloud, execution))
    cloud.states.stop_execution(executionArn=execution)

    cloud.states.redrive_execution(executionArn=execution)

    assert cloud.end_of(execution)["status"] == "SUCCEEDED"
    assert kinds(cloud, execution)[-4:] == [
        "ExecutionAborted", "ExecutionRedriven", "WaitStateExited", "ExecutionSucceeded",
    ]  # fmt: skip


def two_branches(function: str, marks: str, *, beside: dict[str, Any]) -> dict[str, Any]:
    """After a second one branch leaves a message, then needs something, as the machine above; `beside` is the other."""
    later = {"Later": {"Type": "Wait", "Seconds": 1, "Next": "Mark"}}
    both = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "Later", "States": {**later, **machine(function, marks)["States"]}},
            one_state(beside),
        ],
        "Assign": {"known": "{% $states.result[1] %}"},
        "Output": "{% {'first': $states.result[0], 'second': $states.result[1]} %}",
        "End": True,
    }
    return {"QueryLanguage": "JSONata", "StartAt": "Both", "States": {"Both": both}}


def test_a_redrive_goes_on_with_the_branch_that_failed_and_keeps_the_result_of_the_other(
    cloud: EmbeddedAccount, needs: str
) -> None:
    (marks, _), (asked, _), bucket = cloud.queue(), cloud.queue(), bucket_of(cloud)
    wanted = {"bucket": bucket, "name": "it"}
    beside = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": asked, "MessageBody": "done"},
        "Output": "done",
    }
    execution = cloud.start(cloud.machine(two_branches(needs, marks, beside=beside)), wanted)
    assert cloud.end_of(execution)["error"] == "LookupError"
    before = kinds(cloud, execution)
    cloud.client("s3").put_object(Bucket=bucket, Key="it", Body=b"")

    cloud.states.redrive_execution(executionArn=execution)

    output = json.loads(cloud.end_of(execution)["output"])
    assert output == {"first": {"redrives": 1, "known": wanted}, "second": "done"}
    assert [messages_in(cloud, queue) for queue in (marks, asked)] == ["1", "1"]
    assert kinds(cloud, execution) == [
        *before, "ExecutionRedriven", "TaskScheduled", "TaskSucceeded", "TaskStateExited", "ParallelStateExited",
        "ExecutionSucceeded",
    ]  # fmt: skip


def test_a_branch_that_fails_stops_the_other_which_a_redrive_runs_on_from_its_state(
    cloud: EmbeddedAccount, needs: str
) -> None:
    (marks, _), bucket = cloud.queue(), bucket_of(cloud)
    child = cloud.machine(one_state({"Type": "Wait", "Seconds": 20}))
    beside = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Input": {}},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3}],
    }
    definition = cloud.machine(two_branches(needs, marks, beside=beside))
    execution = cloud.start(definition, {"bucket": bucket, "name": "it"})

    end = cloud.end_of(execution)
    assert (end["error"], (end["stopDate"] - end["startDate"]).total_seconds() < 10) == ("LookupError", True)
    (stopped,) = cloud.states.list_executions(stateMachineArn=child)["executions"]
    assert stopped["status"] == "ABORTED"
    cloud.client("s3").put_object(Bucket=bucket, Key="it", Body=b"")
    cloud.states.redrive_execution(executionArn=execution)
    again = eventually(
        lambda: cloud.states.list_executions(stateMachineArn=child, statusFilter="RUNNING")["executions"]
    )

    assert len(again) == 1
    assert messages_in(cloud, marks) == "1"
    cloud.states.stop_execution(executionArn=execution)


def test_the_events_of_a_branch_are_a_chain(cloud: EmbeddedAccount) -> None:
    branches = [
        {
            "StartAt": name,
            "States": {name: {"Type": "Wait", "Seconds": 1, "Next": f"{name}End"}, f"{name}End": {"Type": "Succeed"}},
        }
        for name in ("A", "B")
    ]
    execution = cloud.start(cloud.machine(one_state({"Type": "Parallel", "Branches": branches})))
    cloud.end_of(execution)

    events = {event["id"]: event for event in cloud.states.get_execution_history(executionArn=execution)["events"]}
    for name in ("A", "B"):
        (end,) = [event for event in events.values() if name_of(event) == f"{name}End" and "Exited" in event["type"]]
        chain = [end]
        while chain[-1].get("previousEventId") is not None:
            chain.append(events[chain[-1]["previousEventId"]])
        assert [name_of(event) for event in chain] == [f"{name}End"] * 2 + [name] * 2 + ["Only"]


def name_of(event: dict[str, Any]) -> str:
    return str((event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}).get("name"))


def messages_in(cloud: EmbeddedAccount, queue: str) -> str:
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return str(found["ApproximateNumberOfMessages"])
