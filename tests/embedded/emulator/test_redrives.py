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
