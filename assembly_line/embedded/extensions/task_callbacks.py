"""Tasks that wait for a callback or for an activity worker: heartbeats, time limits, tokens and failing Lambdas."""

from __future__ import annotations

import contextvars
import json
import threading
import time
from typing import Any

from assembly_line.embedded.extensions.current_task import CurrentTask, current_task
from assembly_line.embedded.extensions.pinned import ministack, replace

POLL_SECONDS = 0.1


def install() -> None:
    states = ministack(
        "services.stepfunctions", "_task_tokens", "_activity_tasks", "_activities", "_ExecutionError", "new_uuid"
    )
    _watch_callbacks(states)
    _report_failing_lambdas(states)
    replace(states, "_invoke_activity", lambda resource, task_input: _invoke_activity(states, resource, task_input))


def _watch_callbacks(states: Any) -> None:
    """HeartbeatSeconds holds, an ended execution stops waiting, and each attempt has a token of its own."""
    stock = ministack("services.stepfunctions", "_invoke_with_callback")._invoke_with_callback

    def invoke(resource: str, task_input: Any, token: str, state: dict[str, Any]) -> Any:
        task = current_task()
        if task is None:
            return stock(resource, task_input, token, state)
        task.callback_token = token
        done = threading.Event()
        watch = contextvars.copy_context()
        threading.Thread(target=watch.run, args=(_watch, states, task, token, done), daemon=True).start()
        try:
            return stock(resource, task_input, token, state)
        finally:
            done.set()
            task.callback_token = None
            task.context["Task"] = {"Token": states.new_uuid()}

    replace(states, "_invoke_with_callback", invoke)


def _watch(states: Any, task: CurrentTask, token: str, done: threading.Event) -> None:
    limit = task.state.get("HeartbeatSeconds")
    last_beat, beat = time.monotonic(), None
    while not done.wait(POLL_SECONDS):
        waiting = states._task_tokens.get(token)
        if waiting is None:
            continue
        if waiting["heartbeat"] != beat:
            beat, last_beat = waiting["heartbeat"], time.monotonic()
        if task.execution_is_over:
            _give_up(waiting, "States.Runtime", "the execution has ended")
        elif limit and time.monotonic() - last_beat > limit:
            _give_up(waiting, "States.HeartbeatTimeout", f"no heartbeat within {limit} seconds")


def _give_up(waiting: dict[str, Any], error: str, cause: str) -> None:
    waiting["error"] = {"Error": error, "Cause": cause}
    waiting["event"].set()


def _report_failing_lambdas(states: Any) -> None:
    """A function that raises instead of passing the token on fails the task at once; stock waits for ever."""
    stock = ministack("services.stepfunctions", "_call_lambda")._call_lambda

    def call(function: str, event: Any) -> Any:
        try:
            return stock(function, event)
        except states._ExecutionError as error:
            task = current_task()
            waiting = states._task_tokens.get(task.callback_token) if task and task.callback_token else None
            if waiting:
                _give_up(waiting, error.error, error.cause)
            raise

    replace(states, "_call_lambda", call)


def _invoke_activity(states: Any, resource: str, task_input: Any) -> Any:
    """As stock, with TimeoutSeconds and HeartbeatSeconds counted from when a worker took the task, as on AWS."""
    if resource not in states._activities:
        raise states._ExecutionError("ActivityDoesNotExist", f"Activity {resource} not found")
    token = states.new_uuid()
    waiting: dict[str, Any] = {"event": threading.Event(), "result": None, "error": None, "heartbeat": None}
    entry = {"taskToken": token, "input": json.dumps(task_input)}
    states._task_tokens[token] = waiting
    states._activity_tasks[resource].append(entry)
    try:
        _await_worker(states, resource, entry, waiting)
    finally:
        states._task_tokens.pop(token, None)
        if entry in states._activity_tasks.get(resource, []):
            states._activity_tasks[resource].remove(entry)
    if waiting["error"]:
        raise states._ExecutionError(waiting["error"]["Error"], waiting["error"]["Cause"])
    try:
        return json.loads(waiting["result"])
    except (json.JSONDecodeError, TypeError):
        return waiting["result"]


def _await_worker(states: Any, resource: str, entry: dict[str, str], waiting: dict[str, Any]) -> None:
    task = current_task()
    limits = task.state if task else {}
    taken = last_beat = None
    beat = None
    while not waiting["event"].wait(POLL_SECONDS):
        now = time.monotonic()
        if task and task.execution_is_over:
            _give_up(waiting, "States.Runtime", "the execution has ended")
        if taken is None and entry not in states._activity_tasks.get(resource, []):
            taken = last_beat = now
        if taken is None or last_beat is None:
            continue
        if waiting["heartbeat"] != beat:
            beat, last_beat = waiting["heartbeat"], now
        if now - taken > limits.get("TimeoutSeconds", float("inf")):
            _give_up(waiting, "States.Timeout", "the worker did not finish in time")
        elif now - last_beat > limits.get("HeartbeatSeconds", float("inf")):
            _give_up(waiting, "States.HeartbeatTimeout", "no heartbeat in time")
