"""Step Functions tasks: retries, callbacks, activities and time limits hold as they do on AWS."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from tests.embedded.embedded_account import EmbeddedAccount, one_state, unique
from tests.waiting import PATIENCE_SECONDS, eventually

RAISES = "class Drift(Exception): pass\ndef handle(event, context): raise Drift('psi 0.4')\n"
TOKEN = {"token.$": "$$.Task.Token"}


def ask_by_queue(queue: str, **state: Any) -> dict[str, Any]:
    """A task that puts its token into a queue and waits."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": TOKEN},
        **state,
    }


def token_of(message: dict[str, Any]) -> str:
    return str(json.loads(message["Body"])["token"])


def test_retries_wait_no_longer_than_the_declared_maximum(cloud: EmbeddedAccount) -> None:
    # Without the maximum the second wait would take a thousand seconds, and nobody would see the end.
    waits = {"IntervalSeconds": 1, "BackoffRate": 1000, "MaxDelaySeconds": 1, "MaxAttempts": 2}
    retry = {"ErrorEquals": ["Drift"], **waits}
    function = f"arn:aws:lambda:us-east-1:000000000000:function:{cloud.function(RAISES)}"

    end = cloud.run(one_state({"Type": "Task", "Resource": function, "Retry": [retry]}))

    assert (end["status"], end["error"]) == ("FAILED", "Drift")


def test_a_missing_heartbeat_fails_the_task_and_a_beating_one_lives(cloud: EmbeddedAccount) -> None:
    queue, _ = cloud.queue()
    machine = cloud.machine(one_state(ask_by_queue(queue, HeartbeatSeconds=1)))
    silent = cloud.start(machine)
    cloud.receive(queue)

    assert cloud.end_of(silent)["error"] == "States.HeartbeatTimeout"

    beating = cloud.start(machine)
    token = token_of(cloud.receive(queue)[0])
    began = time.monotonic()
    eventually(lambda: cloud.states.send_task_heartbeat(taskToken=token) and time.monotonic() - began > 1.6)
    cloud.states.send_task_success(taskToken=token, output='{"decision": "approve"}')
    assert json.loads(cloud.end_of(beating)["output"]) == {"decision": "approve"}


def test_a_function_that_raises_instead_of_keeping_the_token_fails_the_task_at_once(cloud: EmbeddedAccount) -> None:
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": cloud.function(RAISES), "Payload": TOKEN},
        "TimeoutSeconds": 300,
    }

    assert cloud.run(one_state(state))["error"] == "Drift"


def test_each_attempt_gets_a_token_of_its_own(cloud: EmbeddedAccount) -> None:
    queue, _ = cloud.queue()
    retry = {"ErrorEquals": ["Again"], "IntervalSeconds": 1, "MaxAttempts": 1}
    execution = cloud.start(cloud.machine(one_state(ask_by_queue(queue, Retry=[retry]))))

    first = token_of(cloud.receive(queue)[0])
    cloud.states.send_task_failure(taskToken=first, error="Again", cause="")
    second = token_of(cloud.receive(queue)[0])
    cloud.states.send_task_success(taskToken=second, output="{}")

    assert first != second
    assert cloud.end_of(execution)["status"] == "SUCCEEDED"


def test_parallel_branches_keep_their_tokens_apart(cloud: EmbeddedAccount) -> None:
    queues = [cloud.queue()[0] for _ in range(4)]
    # An expression takes its time, in which the branches meet.
    body = "{% {'sum': $sum([1..2000].($ * 2)), 'token': $states.context.Task.Token} %}"
    resource = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    branches = [
        one_state({"Type": "Task", "Resource": resource, "Arguments": {"QueueUrl": queue, "MessageBody": body}})
        for queue in queues
    ]
    machine = one_state({"Type": "Parallel", "Branches": branches}, QueryLanguage="JSONata")
    execution = cloud.start(cloud.machine(machine))

    tokens = [token_of(cloud.receive(queue)[0]) for queue in queues]
    assert len(set(tokens)) == len(queues)
    for number, token in enumerate(tokens):
        cloud.states.send_task_success(taskToken=token, output=str(number))
    assert json.loads(cloud.end_of(execution)["output"]) == [0, 1, 2, 3]


def test_an_activity_is_limited_from_when_a_worker_took_it(cloud: EmbeddedAccount) -> None:
    arn = cloud.states.create_activity(name=unique())["activityArn"]
    state = {"Type": "Task", "Resource": arn, "TimeoutSeconds": 1}
    execution = cloud.start(cloud.machine(one_state(state)))

    assert cloud.states.get_activity_task(activityArn=arn)["taskToken"]
    assert cloud.end_of(execution)["error"] == "States.Timeout"


def test_a_machine_ends_at_its_own_time_limit(cloud: EmbeddedAccount) -> None:
    waiting = one_state({"Type": "Wait", "Seconds": 4}, TimeoutSeconds=1)

    end = cloud.run(waiting)

    assert end["status"] == "TIMED_OUT"
    assert (end["stopDate"] - end["startDate"]).total_seconds() < 3


def test_a_stopped_execution_stays_stopped_and_starts_nothing_more(cloud: EmbeddedAccount) -> None:
    queue, _ = cloud.queue()
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3}
    execution = cloud.start(cloud.machine(one_state(ask_by_queue(queue, Retry=[retry], TimeoutSeconds=2))))
    cloud.receive(queue)
    cloud.states.stop_execution(executionArn=execution, cause="a person said so")

    again = cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=4)

    assert "Messages" not in again
    assert cloud.end_of(execution)["status"] == "ABORTED"


def test_time_limits_may_come_from_the_input(cloud: EmbeddedAccount) -> None:
    queue, _ = cloud.queue()
    state = ask_by_queue(queue, TimeoutSecondsPath="$.limit")

    assert cloud.run(one_state(state), {"limit": 1})["error"] == "States.Timeout"


def test_events_reach_a_queue_through_the_bus(cloud: EmbeddedAccount) -> None:
    queue, arn = cloud.queue()
    events, bus = cloud.client("events"), unique()
    events.create_event_bus(Name=bus)
    events.put_rule(Name=bus, EventBusName=bus, EventPattern='{"source": ["line"]}')
    events.put_targets(Rule=bus, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
    entry = {"EventBusName": bus, "Source": "line", "DetailType": "station", "Detail": {"item": "i-1"}}

    cloud.run(one_state({
        "Type": "Task", "Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": [entry]},
    }))  # fmt: skip

    assert json.loads(cloud.receive(queue)[0]["Body"])["detail"] == {"item": "i-1"}


def test_a_dead_worker_fails_the_function_with_a_reason(cloud: EmbeddedAccount) -> None:
    name = cloud.function("import os\ndef handle(event, context): os._exit(3)\n")
    answers: list[Any] = []
    call = threading.Thread(target=lambda: answers.append(cloud.client("lambda").invoke(FunctionName=name)))
    call.start()
    call.join(timeout=PATIENCE_SECONDS)

    assert json.loads(answers[0]["Payload"].read())["errorType"] == "Runtime.ExitError"
