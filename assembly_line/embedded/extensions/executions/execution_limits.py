"""A machine's own TimeoutSeconds, and an end that stays: who was stopped is not failed afterwards."""

from __future__ import annotations

import contextvars
import json
import threading
from datetime import UTC, datetime
from typing import Any

from assembly_line.embedded.extensions.executions import current_task
from assembly_line.embedded.extensions.pinned import ministack, replace
from assembly_line.instants import parse_instant

ENDS = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionSucceeded", "ExecutionTimedOut"})
REDRIVEN = "ExecutionRedriven"


def install() -> None:
    # Here because every other Step Functions extension asks for the current task.
    current_task.install()
    states = ministack(
        "services.stepfunctions", "_executions", "_state_machines", "_add_event", "now_iso",
        "_emit_execution_status_event",
    )  # fmt: skip
    _keep_first_end(states)
    _end_histories(states)
    _limit_machines(states)
    _separate_items(states)


def _keep_first_end(states: Any) -> None:
    stock = ministack("services.stepfunctions", "_fail_execution")._fail_execution

    def fail(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            stock(execution, error, cause)

    replace(states, "_fail_execution", fail)


def _end_histories(states: Any) -> None:
    """Nothing is told after the end: a task that was still at work tells its own, as if it had failed by itself."""
    stock = states._add_event

    def add(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        events = execution["events"]
        if events and events[-1]["type"] in ENDS and event_type != REDRIVEN:
            return {"type": event_type, **(details or {})}
        return stock(execution, event_type, details)

    replace(states, "_add_event", add)


def _limit_machines(states: Any) -> None:
    stock = ministack("services.stepfunctions", "_run_execution")._run_execution

    def run(arn: str) -> None:
        limit = _limit_seconds(states, arn)
        if limit is None:
            stock(arn)
            return
        expire = contextvars.copy_context()
        timer = threading.Timer(_left(states, arn, limit), expire.run, (_expire, states, arn))
        timer.daemon = True
        timer.start()
        try:
            stock(arn)
        finally:
            timer.cancel()

    replace(states, "_run_execution", run)


def _limit_seconds(states: Any, arn: str) -> float | None:
    machine = states._state_machines.get((states._executions.get(arn) or {}).get("stateMachineArn"))
    try:
        limit: float | None = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    except ValueError:
        return None
    return limit


def _left(states: Any, arn: str, limit: float) -> float:
    """Seconds until the limit: an execution that carries on was started before this run of the emulator.

    A redrive begins the limit anew.
    """
    execution = states._executions[arn]
    began = parse_instant(execution.get("redriveDate") or execution["startDate"], field="startDate")
    return max(limit - (datetime.now(UTC) - began).total_seconds(), 0)


def _expire(states: Any, arn: str) -> None:
    execution = states._executions.get(arn)
    if not execution or execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", cause="", stopDate=states.now_iso())
    states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    states._emit_execution_status_event(execution)


def _separate_items(states: Any) -> None:
    """The items of a map have a context of their own; stock lets them overwrite each other's state and task token."""
    stock = ministack("services.stepfunctions", "_run_sub_machine")._run_sub_machine

    def run(machine: Any, start: Any, item: Any, execution: Any, context: dict[str, Any]) -> Any:
        own = {**context, "variables": dict(context.get("variables", {}))}
        return stock(machine, start, item, execution, own)

    replace(states, "_run_sub_machine", run)
