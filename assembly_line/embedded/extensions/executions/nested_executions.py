"""`states:startExecution.sync(:2)`: a real child execution with its own events, stopped together with its parent."""

from __future__ import annotations

import json
import time
from typing import Any

from assembly_line.embedded.extensions.executions.current_task import Attempt
from assembly_line.embedded.extensions.executions.positions import attempt
from assembly_line.embedded.extensions.pinned import ministack, replace

POLL_SECONDS = 0.05


def install() -> None:
    states = ministack(
        "services.stepfunctions",
        *("_nested_start_execution_request", "_start_execution", "_stop_execution", "_executions", "_ExecutionError"),
        *("_iso_to_epoch_ms", "_invoke_nested_start_execution_sync"),
    )
    replace(
        states, "_invoke_nested_start_execution_sync", lambda resource, task_input: _run(states, resource, task_input)
    )


def _run(states: Any, resource: str, task_input: dict[str, Any]) -> dict[str, Any]:
    kept = attempt() or {}
    if "child" not in kept:
        kept["child"] = _start(states, task_input)
    child = states._executions[kept["child"]]
    _wait(states, child)
    document = _document(states, child)
    if child["status"] != "SUCCEEDED":
        raise states._ExecutionError("States.TaskFailed", json.dumps(document))
    if resource.endswith(".sync:2"):
        document["Output"] = json.loads(child["output"])
    return document


def _start(states: Any, task_input: dict[str, Any]) -> str:
    """ARN of the child."""
    status, _, body = states._start_execution(states._nested_start_execution_request(task_input))
    started = json.loads(body)
    if status >= 400:
        name = f"{started.get('__type', 'StepFunctions').removesuffix('Exception')}Exception"
        raise states._ExecutionError(f"StepFunctions.{name}", started.get("message", ""))
    return str(started["executionArn"])


def _wait(states: Any, child: dict[str, Any]) -> None:
    attempt = Attempt()
    while child["status"] == "RUNNING":
        if attempt.is_given_up:
            states._stop_execution({"executionArn": child["executionArn"], "cause": "its parent gave up waiting"})
        time.sleep(POLL_SECONDS)


def _document(states: Any, child: dict[str, Any]) -> dict[str, Any]:
    """What DescribeExecution tells, spelled as Step Functions spells the results of its integrations."""
    document = {
        "ExecutionArn": child["executionArn"],
        "Input": child["input"],
        "InputDetails": {"Included": True},
        "Name": child["name"],
        "StartDate": states._iso_to_epoch_ms(child["startDate"]),
        "StateMachineArn": child["stateMachineArn"],
        "Status": child["status"],
        "StopDate": states._iso_to_epoch_ms(child["stopDate"]),
    }
    if child["status"] == "SUCCEEDED":
        return {**document, "Output": child["output"], "OutputDetails": {"Included": True}}
    return {**document, "Error": child.get("error"), "Cause": child.get("cause")}
