"""What of a state machine's definition the embedded AWS ignores or refuses when it gets there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_WAIT_SECONDS = 60
PLACEHOLDER = "unresolved"
OPTIMIZED = (
    "lambda:invoke", "states:startExecution", "sqs:sendMessage", "sns:publish", "events:putEvents",
    "dynamodb:getItem", "dynamodb:putItem", "dynamodb:updateItem", "dynamodb:deleteItem", "ecs:runTask",
    "sagemaker:createTrainingJob", "sagemaker:createTransformJob", "sagemaker:createProcessingJob",
    "sagemaker:createModel", "sagemaker:createHyperParameterTuningJob", "glue:startJobRun",
)  # fmt: skip
SDK_SERVICES = (
    "athena", "cloudwatch", "cloudwatchlogs", "dynamodb", "ec2", "ecr", "ecs", "elasticache", "eventbridge", "glue",
    "iam", "kinesis", "kms", "lambda", "logs", "rds", "rdsdata", "route53", "s3", "sagemaker", "secretsmanager", "sfn",
    "sns", "sqs", "ssm", "sts",
)  # fmt: skip
SDK_REFUSED = frozenset({("s3", "getObject"), ("s3", "putObject"), ("lambda", "invoke")})


def machine_limitations(properties: Mapping[str, Any]) -> Iterator[str]:
    """Sentences about one AWS::StepFunctions::StateMachine, by its properties in the template."""
    definition = _definition(properties)
    if definition is None:
        yield "a state machine's definition could not be read for this list"
        return
    for state, language in _states(definition, definition.get("QueryLanguage", "JSONPath")):
        yield from _of_state(state, state.get("QueryLanguage", language))


def _of_state(state: Mapping[str, Any], language: str) -> Iterator[str]:
    if language == "JSONPath" and ("Assign" in state or any("Assign" in each for each in state.get("Catch", []))):
        yield "variables of JSONPath states are not assigned (use JSONata for them)"
    if any(_longest_wait(retrier) > LONGEST_WAIT_SECONDS for retrier in state.get("Retry", [])):
        yield f"waits between retries are cut to {LONGEST_WAIT_SECONDS} s"
    if state.get("Type") == "Wait" and not _is_short(state.get("Seconds")):
        yield f"Wait states wait {LONGEST_WAIT_SECONDS} s at most"
    if state.get("Type") == "Map":
        yield "a redrive runs every item of Map states again"
    if state.get("Type") == "Task":
        yield from _of_resource(str(state.get("Resource", "")))
    if (state.get("ItemProcessor") or {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        yield from _of_distributed_map(state, language)


def _of_distributed_map(state: Mapping[str, Any], language: str) -> Iterator[str]:
    for field in ("ResultWriter", "ItemBatcher"):
        if field in state:
            yield f"distributed maps ignore {field}"
    if language == "JSONata" and "ItemReader" in state:
        yield "distributed maps in JSONata read no file (give them Items, or keep the map in JSONPath)"
    input_type = state.get("ItemReader", {}).get("ReaderConfig", {}).get("InputType", "JSON")
    if input_type not in ("JSON", "JSONL", "CSV"):
        yield f"distributed maps cannot read {input_type}"


def _of_resource(resource: str) -> Iterator[str]:
    match = re.search(r":states:::(?:aws-sdk:(?P<sdk>\w+):(?P<action>\w+)|(?P<optimized>\w+:\w+))", resource)
    if match is None:
        return
    if match["sdk"]:
        refused = (match["sdk"], match["action"]) in SDK_REFUSED
        if match["sdk"].lower() not in SDK_SERVICES or refused:
            yield f"the integration aws-sdk:{match['sdk']}:{match['action']} fails, it is not implemented"
    elif match["optimized"] == "sagemaker:createHyperParameterTuningJob":
        yield "tuning jobs draw their values at random, whatever their strategy"
    elif match["optimized"] not in OPTIMIZED:
        yield f"the integration {match['optimized']} fails, it is not implemented"


def _is_short(seconds: Any) -> bool:
    """An expression may come to anything."""
    return isinstance(seconds, (int, float)) and seconds <= LONGEST_WAIT_SECONDS


def _longest_wait(retrier: Mapping[str, Any]) -> float:
    last = max(int(retrier.get("MaxAttempts", 3)) - 1, 0)
    wait = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** last
    return min(wait, float(retrier.get("MaxDelaySeconds", wait)))


def _states(machine: Mapping[str, Any], language: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every state with the query language that it inherits, those of branches and maps included."""
    for state in machine.get("States", {}).values():
        yield state, language
        inner = [*state.get("Branches", []), state.get("ItemProcessor"), state.get("Iterator")]
        for part in filter(None, inner):
            yield from _states(part, language)


def _definition(properties: Mapping[str, Any]) -> dict[str, Any] | None:
    given = properties.get("DefinitionString", properties.get("Definition"))
    if isinstance(given, Mapping) and "Fn::Join" in given:
        separator, parts = given["Fn::Join"]
        given = separator.join(part if isinstance(part, str) else _reference(part) for part in parts)
    try:
        parsed = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return None
    return dict(parsed) if isinstance(parsed, Mapping) and "States" in parsed else None


def _reference(part: Mapping[str, Any]) -> str:
    return "aws" if part == {"Ref": "AWS::Partition"} else PLACEHOLDER
