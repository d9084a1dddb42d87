"""StartExecution by name is idempotent while the execution runs, as on AWS."""

from __future__ import annotations

import json
from typing import Any

from assembly_line.embedded.extensions.pinned import ministack, replace


def install() -> None:
    states = ministack("services.stepfunctions", "_start_execution", "_executions", "json_response")
    stock = states._start_execution

    def start(request: dict[str, Any]) -> Any:
        status, headers, body = stock(request)
        if status < 400 or "ExecutionAlreadyExists" not in json.loads(body).get("__type", ""):
            return status, headers, body
        execution = _named(states, request)
        same = execution and execution["status"] == "RUNNING" and execution["input"] == request.get("input", "{}")
        if not execution or not same:
            return status, headers, body
        return states.json_response({"executionArn": execution["executionArn"], "startDate": execution["startDate"]})

    replace(states, "_start_execution", start)


def _named(states: Any, request: dict[str, Any]) -> dict[str, Any] | None:
    machine = request["stateMachineArn"].partition("#")[0].split(":stateMachine:")
    arn = f"{machine[0]}:execution:{machine[-1].partition(':')[0]}:{request['name']}"
    found: dict[str, Any] | None = states._executions.get(arn)
    return found
