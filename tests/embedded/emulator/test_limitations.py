"""The list of what deploys but does not act is complete for what a line uses, and silent about what works."""

from __future__ import annotations

import json
from typing import Any

import pytest

from assembly_line.embedded.emulator_limitations import ALWAYS, limitations


def listed(type_name: str, properties: dict[str, Any]) -> list[str]:
    return limitations([{"Resources": {"Thing": {"Type": type_name, "Properties": properties}}}])[len(ALWAYS) :]


def machine(state: dict[str, Any], **fields: Any) -> list[str]:
    """What is said of a machine of one state, whose definition is joined from parts as CDK does it."""
    text = json.dumps({"StartAt": "Only", "States": {"Only": state}, **fields})
    before, _, after = text.partition("PARTITION")
    joined = {"Fn::Join": ["", [before, {"Ref": "AWS::Partition"}, after]]} if after else text
    return listed("AWS::StepFunctions::StateMachine", {"DefinitionString": joined})


def task(resource: str, **fields: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:PARTITION:states:::{resource}", "End": True, **fields}


@pytest.mark.parametrize(
    "resource",
    [
        "lambda:invoke.waitForTaskToken",
        "sagemaker:createTransformJob.sync",
        "aws-sdk:dynamodb:query",
        "glue:startJobRun",
    ],
)
def test_integrations_that_work_are_not_listed(resource: str) -> None:
    assert machine(task(resource)) == []


@pytest.mark.parametrize("resource", ["athena:startQueryExecution.sync", "aws-sdk:s3:getObject", "aws-sdk:scheduler:x"])
def test_integrations_that_fail_are_listed_by_name(resource: str) -> None:
    (sentence,) = machine(task(resource))

    assert f"the integration {resource.removesuffix('.sync')} fails" in sentence
    assert sentence.endswith(": Thing")


def test_states_inside_branches_and_maps_are_found() -> None:
    inner = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Assign": {"x": 1}, "End": True}}}
    nested = {"Type": "Map", "ItemProcessor": inner}
    parallel = {"Type": "Parallel", "Branches": [{"StartAt": "M", "States": {"M": nested}}]}

    redrives = "a redrive runs every item of Map states again: Thing"
    assert machine(parallel) == [
        redrives,
        "variables of JSONPath states are not assigned (use JSONata for them): Thing",
    ]
    assert machine(parallel, QueryLanguage="JSONata") == [redrives]


def test_long_waits_between_retries_are_listed_unless_limited() -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 30, "MaxAttempts": 3}

    assert machine(task("lambda:invoke", Retry=[retry])) == ["waits between retries are cut to 60 s: Thing"]
    assert machine(task("lambda:invoke", Retry=[{**retry, "MaxDelaySeconds": 60}])) == []


@pytest.mark.parametrize(
    ("wait", "listed_as"),
    [
        ({"Seconds": 60}, []),
        ({"Seconds": 61}, ["Wait states wait 60 s at most: Thing"]),
        ({"Seconds": "{% $seconds %}"}, ["Wait states wait 60 s at most: Thing"]),
        ({"Timestamp": "2026-11-30T00:00:00Z"}, ["Wait states wait 60 s at most: Thing"]),
    ],
)
def test_long_waits_are_listed(wait: dict[str, Any], listed_as: list[str]) -> None:
    assert machine({"Type": "Wait", "End": True, **wait}) == listed_as


@pytest.mark.parametrize(
    ("type_name", "properties", "word"),
    [
        ("AWS::CloudWatch::Alarm", {"Namespace": "AWS/SQS", "MetricName": "x"}, "cannot fire"),
        ("AWS::CloudWatch::Alarm", {"Metrics": [{"Expression": "a/b"}]}, "metric mathematics"),
        ("AWS::Events::Rule", {"Targets": [{"DeadLetterConfig": {"Arn": "a"}}]}, "dead-letter"),
        ("AWS::Lambda::EventInvokeConfig", {"DestinationConfig": {"OnSuccess": {}}}, "on-success"),
        ("AWS::Lambda::EventSourceMapping", {"StartingPosition": "LATEST", "MaximumRetryAttempts": 2}, "ignore"),
        ("AWS::Pipes::Pipe", {}, "nothing flows"),
        ("AWS::SNS::Subscription", {"RedrivePolicy": {}}, "get nothing"),
        ("AWS::SageMaker::MlflowTrackingServer", {}, "no tracking server runs"),
    ],
)
def test_what_is_stored_but_does_not_act_is_listed(type_name: str, properties: dict[str, Any], word: str) -> None:
    (sentence,) = listed(type_name, properties)

    assert word in sentence


def test_equal_sentences_name_all_their_resources_once() -> None:
    alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Namespace": "AWS/SQS"}}
    template = {"Resources": {f"Alarm{number}": alarm for number in range(7)}}

    (sentence,) = limitations([template])[len(ALWAYS) :]

    assert sentence.endswith("Alarm0, Alarm1, Alarm2, Alarm3, Alarm4 and 2 more")


def test_schedules_that_are_switched_off_are_listed() -> None:
    rule = {"ScheduleExpression": "cron(0 5 * * ? *)", "Targets": [{"Id": "Machine"}]}
    (sentence,) = listed("AWS::Events::Rule", {**rule, "State": "DISABLED"})
    assert "run `line tables refresh`, `line delivery due`" in sentence
    assert listed("AWS::Events::Rule", {**rule, "State": "ENABLED"}) == []
