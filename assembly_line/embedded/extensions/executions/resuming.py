"""Executions that were going on when the embedded AWS was stopped carry on when it is started again."""

from __future__ import annotations

import contextvars
import json
import threading
from typing import Any

from assembly_line.embedded.extensions.executions import positions, task_callbacks
from assembly_line.embedded.extensions.pinned import ministack, replace

Place = tuple[str, str, str]  # account, Region, ARN


def install() -> None:
    states = ministack(
        "services.stepfunctions", "_restore_state", "_executions", "_state_machines", "_task_tokens", "_fail_execution",
        "_run_execution",
    )  # fmt: skip
    found: list[Place] = []
    _leave_running(states, found)
    application = ministack("app", "_load_persisted_state")
    stock = application._load_persisted_state

    def load() -> None:
        # Only with every service restored: what follows a wait calls them.
        stock()
        for place in found:
            contextvars.copy_context().run(_resume, states, place)

    replace(application, "_load_persisted_state", load)


def _leave_running(states: Any, found: list[Place]) -> None:
    """Stock marks what was going on as failed."""
    stock = states._restore_state

    def restore(data: dict[str, Any]) -> None:
        running = {
            place: execution
            for place, execution in (data or {}).get("executions", states._executions)._data.items()
            if execution["status"] == "RUNNING"
        }
        stock(data)
        for execution in running.values():
            execution.update(status="RUNNING", stopDate=None)
            del execution["error"], execution["cause"]
        found.extend(running)

    replace(states, "_restore_state", restore)


def _resume(states: Any, place: Place) -> None:
    responses = ministack("core.responses", "set_request_account_id", "set_request_region")
    responses.set_request_account_id(place[0])
    responses.set_request_region(place[1])
    execution = states._executions[place[2]]
    if not _has_place(states, execution):
        states._fail_execution(execution, positions.CUT, positions.CAUSE)
        return
    for token in positions.open_tokens(execution):
        states._task_tokens[token] = task_callbacks.waiting()
    threading.Thread(target=contextvars.copy_context().run, args=(states._run_execution, place[2]), daemon=True).start()


def _has_place(states: Any, execution: dict[str, Any]) -> bool:
    """Whether the execution can go on where it was; it then knows where that is."""
    machine = states._state_machines.get(execution["stateMachineArn"])
    if machine is None or execution.get("sync"):
        return False
    definition = json.loads(machine["definition"])
    types = {name: state["Type"] for name, state in definition["States"].items()}
    position = execution.get("position")
    if position is None:
        if positions.has_done_nothing(execution):
            positions.begin_anew(execution, types, definition["StartAt"])
            return True
        return False
    if position["state"] is not None and position["state"] not in types:
        return False
    positions.carry_on(execution, types, definition["StartAt"])
    return True
