"""Tasks that wait for a callback or for an activity worker: heartbeats, time limits, tokens and failing Lambdas."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from assembly_line.embedded.extensions.executions.current_task import current_task
from assembly_line.embedded.extensions.executions.positions import attempt, attempt_seconds
from assembly_line.embedded.extensions.pinned import ministack, replace

POLL_SECONDS = 0.1
Waiting = dict[str, Any]


def install() -> None:
    states = ministack(
        "services.stepfunctions",
        *("_task_tokens", "_activity_tasks", "_activities", "_ExecutionError", "_invoke_resource", "new_uuid"),
        *("_invoke_with_callback", "_invoke_activity"),
    )
    replace(states, "_invoke_with_callback", lambda *arguments: _ask(states, *arguments))
    replace(states, "_invoke_activity", lambda *arguments: _offer(states, *arguments))


def waiting() -> Waiting:
    """What the emulator keeps under a token that is out."""
    return {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}


def _ask(states: Any, resource: str, task_input: Any, token: str, state: dict[str, Any]) -> Any:
    """Hand the token over and wait. Whoever fails to take it fails the task; each attempt has a token of its own."""
    kept = attempt() or {}
    task = current_task()
    try:
        if "token" in kept:
            token = kept["token"]
        else:
            states._task_tokens[token] = waiting()
            states._invoke_resource(resource.replace(".waitForTaskToken", ""), task_input)
            kept["token"] = token
        return _answer(states, token, state, lambda: True)
    finally:
        states._task_tokens.pop(token, None)
        if task:
            task.context["Task"] = {"Token": states.new_uuid()}


def _offer(states: Any, resource: str, task_input: Any) -> Any:
    """As stock, with TimeoutSeconds and HeartbeatSeconds counted from when a worker took the task, as on AWS."""
    if resource not in states._activities:
        raise states._ExecutionError("ActivityDoesNotExist", f"Activity {resource} not found")
    token = states.new_uuid()
    entry = {"taskToken": token, "input": json.dumps(task_input)}
    states._task_tokens[token] = waiting()
    states._activity_tasks[resource].append(entry)
    task = current_task()
    try:
        return _answer(
            states, token, task.state if task else {}, lambda: entry not in states._activity_tasks.get(resource, [])
        )
    finally:
        states._task_tokens.pop(token, None)
        if entry in states._activity_tasks.get(resource, []):
            states._activity_tasks[resource].remove(entry)


def _answer(states: Any, token: str, limits: dict[str, Any], taken: Callable[[], bool]) -> Any:
    """The answer that comes under the token, or the task's failure; `taken` says whether somebody has the token."""
    found, task = states._task_tokens[token], current_task()
    beat, last_beat, spent = found["heartbeat"], time.monotonic(), attempt_seconds()
    began: float | None = None
    while not found["event"].wait(POLL_SECONDS):
        now = time.monotonic()
        if task and task.execution_is_over:
            raise states._ExecutionError("States.Runtime", "the execution has ended")
        if not taken():
            continue
        if began is None:
            began, last_beat = now - spent, now
        if found["heartbeat"] != beat:
            beat, last_beat = found["heartbeat"], now
        if now - began > limits.get("TimeoutSeconds", float("inf")):
            raise states._ExecutionError("States.Timeout", "nobody answered in time")
        if now - last_beat > limits.get("HeartbeatSeconds", float("inf")):
            raise states._ExecutionError("States.HeartbeatTimeout", "no heartbeat in time")
    if found["error"]:
        raise states._ExecutionError(found["error"]["Error"], found["error"]["Cause"])
    try:
        return json.loads(found["result"])
    except (json.JSONDecodeError, TypeError):
        return found["result"]
