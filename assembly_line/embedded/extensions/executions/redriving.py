"""RedriveExecution: an execution that failed, was stopped or ran out of time goes on at the state where it ended.

Rules and behaviour by state: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html. Results and
history of what succeeded stay; the state is run again with its own retries and time limit; a Fail state fails again.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import threading
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any

from assembly_line.embedded.extensions.executions import positions
from assembly_line.embedded.extensions.executions.execution_limits import REDRIVEN
from assembly_line.embedded.extensions.pinned import ministack, replace
from assembly_line.instants import parse_instant

ACTION = "AWSStepFunctions.RedriveExecution"
PERIOD = timedelta(days=14)
MOST_EVENTS = 24_999
# Between the end of an execution and that of its thread, which may still be stopping a job.
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.05
Execution = dict[str, Any]

_told_of: ContextVar[Execution | None] = ContextVar("told_of", default=None)


def install() -> None:
    states = ministack(
        "services.stepfunctions", "handle_request", "_executions", "_state_machines", "_add_event", "_run_execution",
        "_describe_execution", "_emit_execution_status_event", "_finalize_response", "error_response_json",
        "json_response", "now_iso",
    )  # fmt: skip
    _answer_the_action(states)
    _describe(states)
    _announce(states)


def _answer_the_action(states: Any) -> None:
    stock = states.handle_request

    async def handle(method: str, path: str, headers: Any, body: Any, query: Any) -> Any:
        if headers.get("x-amz-target", "") != ACTION:
            return await stock(method, path, headers, body, query)
        arn = json.loads(body or "{}").get("executionArn")
        execution = states._executions.get(arn)
        if execution is None:
            return states.error_response_json("ExecutionDoesNotExist", f"Execution {arn} not found", 400)
        await _thread_over(execution)
        reason = _refusal(execution)
        if reason:
            return states.error_response_json("ExecutionNotRedrivable", reason, 400)
        _go_on(states, execution)
        return states._finalize_response(states.json_response({"redriveDate": execution["redriveDate"]}))

    replace(states, "handle_request", handle)


async def _thread_over(execution: Execution) -> None:
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        if execution["status"] == "RUNNING" or not positions.runs(execution):
            return
        await asyncio.sleep(POLL_SECONDS)


def _refusal(execution: Execution) -> str | None:
    """Why the execution cannot be redriven; None if it can."""
    status = execution["status"]
    if status in ("RUNNING", "SUCCEEDED") or positions.runs(execution):
        return f"Execution is {status} and cannot be redriven"
    if "position" not in execution:
        return "The embedded AWS does not know where this execution ended"
    if datetime.now(UTC) - parse_instant(execution["stopDate"], field="stopDate") > PERIOD:
        return "Execution's redrivable period exceeded"
    return "Execution event history limit exceeded" if len(execution["events"]) >= MOST_EVENTS else None


def _go_on(states: Any, execution: Execution) -> None:
    count, arn = execution.get("redriveCount", 0) + 1, execution["executionArn"]
    execution.update(status="RUNNING", stopDate=None, output=None, redriveCount=count, redriveDate=states.now_iso())
    execution.pop("error", None)
    execution.pop("cause", None)
    states._add_event(execution, REDRIVEN, {"executionRedrivenEventDetails": {"redriveCount": count}})
    states._emit_execution_status_event(execution)
    definition = json.loads(states._state_machines[execution["stateMachineArn"]]["definition"])
    types = {name: state["Type"] for name, state in definition["States"].items()}
    positions.go_back(execution, types, definition["StartAt"])
    threading.Thread(target=contextvars.copy_context().run, args=(states._run_execution, arn), daemon=True).start()


def _describe(states: Any) -> None:
    stock = states._describe_execution

    def describe(request: dict[str, Any]) -> Any:
        status, headers, body = stock(request)
        if status >= 400:
            return status, headers, body
        return states.json_response({**json.loads(body), **_figures(states._executions[request["executionArn"]])})

    replace(states, "_describe_execution", describe)


def _figures(execution: Execution) -> dict[str, Any]:
    status = execution["status"]
    redrivable = status not in ("RUNNING", "SUCCEEDED")
    figures = {
        "redriveCount": execution.get("redriveCount", 0),
        "redriveStatus": "REDRIVABLE" if redrivable else "NOT_REDRIVABLE",
        "redriveStatusReason": f"Execution is {status} and {'is' if redrivable else 'cannot be'} redrivable",
    }
    return {**figures, "redriveDate": execution["redriveDate"]} if "redriveDate" in execution else figures


def _announce(states: Any) -> None:
    """The events of a redriven execution say so; stock writes a count of 0 into all."""
    bus = ministack("services.eventbridge", "_put_events")
    emit, put = states._emit_execution_status_event, bus._put_events

    def emit_of(execution: Execution) -> None:
        token = _told_of.set(execution)
        try:
            emit(execution)
        finally:
            _told_of.reset(token)

    def put_events(data: dict[str, Any], **options: Any) -> Any:
        execution, entries = _told_of.get(), data.get("Entries", [])
        if execution is None or [entry.get("Source") for entry in entries] != ["aws.states"]:
            return put(data, **options)
        figures = _figures(execution)
        if "redriveDate" in figures:
            figures["redriveDate"] = states._iso_to_epoch_ms(figures["redriveDate"])
        detail = json.dumps({**json.loads(entries[0]["Detail"]), **figures})
        return put({"Entries": [{**entries[0], "Detail": detail}]}, **options)

    replace(states, "_emit_execution_status_event", emit_of)
    replace(bus, "_put_events", put_events)
