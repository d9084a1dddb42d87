"""Which task of which execution the current thread works on: what the stock emulator does not tell its integrations."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from assembly_line.embedded.extensions.executions.branches import given_up
from assembly_line.embedded.extensions.executions.positions import attempt_seconds
from assembly_line.embedded.extensions.pinned import ministack, replace


@dataclass(kw_only=True)
class CurrentTask:
    """A Task state being executed. `state` is its definition, with limits given by a path already resolved."""

    state: dict[str, Any]
    execution: dict[str, Any]
    context: dict[str, Any]

    @property
    def execution_is_over(self) -> bool:
        """Stopped or timed out from outside, or in a branch beside one that failed: nothing may go on or be retried."""
        return bool(self.execution["status"] != "RUNNING") or given_up()


_current: ContextVar[CurrentTask | None] = ContextVar("current_task", default=None)


def current_task() -> CurrentTask | None:
    """None outside Task states."""
    return _current.get()


class Attempt:
    """One attempt of the current task, begun now: whether anybody still waits for its result."""

    def __init__(self) -> None:
        self._task = current_task()
        limit = self._task.state.get("TimeoutSeconds") if self._task else None
        self._deadline = time.monotonic() + limit - attempt_seconds() if limit else float("inf")

    @property
    def is_given_up(self) -> bool:
        """True once the state's time limit has passed or its execution was stopped."""
        over = self._task is not None and self._task.execution_is_over
        return over or time.monotonic() > self._deadline


def install() -> None:
    """Remember the task around `_execute_task`. Limits by path or expression become the numbers that they mean."""
    states = ministack("services.stepfunctions", "_execute_task", "_resolve_path_or_ctx", "_jsonata_state_field")
    stock = states._execute_task

    def execute_task(state: dict[str, Any], raw_input: Any, execution: dict[str, Any], context: dict[str, Any]) -> Any:
        resolved = {**state, **_limits(states, state, raw_input, context)}
        token = _current.set(CurrentTask(state=resolved, execution=execution, context=context))
        try:
            return stock(resolved, raw_input, execution, context)
        finally:
            _current.reset(token)

    replace(states, "_execute_task", execute_task)


def _limits(states: Any, state: dict[str, Any], raw_input: Any, context: dict[str, Any]) -> dict[str, float]:
    limits = {}
    for name in ("TimeoutSeconds", "HeartbeatSeconds"):
        if isinstance(state.get(name), str):
            limits[name] = states._jsonata_state_field(state, name, "number", raw_input, context)
        elif f"{name}Path" in state:
            limits[name] = states._resolve_path_or_ctx(state[f"{name}Path"], raw_input, context)
    return limits
