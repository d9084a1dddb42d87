"""Where each execution is, kept with it, so that one that waits can wait on after the embedded AWS was stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from assembly_line.embedded.extensions.pinned import ministack, replace

Document = dict[str, Any]
Value = TypeVar("Value")
HANDLERS = ("_execute_pass", "_execute_task", "_execute_choice", "_execute_wait", "_execute_parallel", "_execute_map")
# Its items run at several places at once, which one position cannot tell. The branches of Parallel keep one each.
MANIFOLD = ("_execute_map",)
INVOCATIONS = ("_invoke_resource", "_invoke_with_callback")
CUT = "States.ServiceRestart"
CAUSE = "the embedded AWS was stopped while this ran"
SETTLING_SECONDS = 5.0
# In place of what keeps the position: the execution itself does.
OUTSIDE: Document = {}
SUCCEEDED = "SUCCEEDED"
# In what is kept of an attempt: who answers it, or the answer itself.
WAITING = frozenset({"token", "child", "answer"})

# Held from the moment on at which a stop is decided: nothing may happen afterwards that is not in the saved state.
_gate = threading.RLock()
_position: ContextVar[Document | None] = ContextVar("position", default=None)
# Where the next position is kept: an execution or a branch. None in an item of a map.
_keeper: ContextVar[Document | None] = ContextVar("keeper", default=OUTSIDE)
_attempt: ContextVar[Document | None] = ContextVar("attempt", default=None)
# By ARN of an execution that carries on: the kinds of events that come again and that its history has already.
_told: dict[str, list[str]] = {}
# ARNs of the executions that a thread works for.
_running: set[str] = set()


def install() -> None:
    states = ministack(
        "services.stepfunctions", "_executions", "_task_tokens", "_ExecutionError", "_add_event", "_scaled_sleep",
        "_invoke_resource_with_timeout", "_run_execution", *HANDLERS, *INVOCATIONS,
    )  # fmt: skip
    for name in HANDLERS:
        replace(states, name, _keeping_position(states, name))
    for name in INVOCATIONS:
        replace(states, name, _keeping_answer(states, name))
    _limit_by_what_is_left(states)
    _begin_outside(states)
    _end_sleep_on_time(states)
    _tell_once(states)


def freeze(states: Any) -> None:
    """Let no execution begin a state or an attempt any more. For the thread that saves the state and then ends the
    process."""
    _gate.acquire()
    deadline = time.monotonic() + SETTLING_SECONDS
    while _on_its_way(states) and time.monotonic() < deadline:
        time.sleep(0.01)


def thaw() -> None:
    """Undo one `freeze`, in the thread that called it: the process goes on after all."""
    _gate.release()


def _on_its_way(states: Any) -> bool:
    """Whether somebody answered and the task that waits has not taken the answer yet."""
    waiting = {place[2]: found for place, found in list(states._task_tokens._data.items())}
    for execution in list(states._executions.all_values()):
        for token in open_tokens(execution):
            found = waiting.get(token)
            if found is None or found["event"].is_set():
                return True
    return False


def open_tokens(execution: Mapping[str, Any]) -> list[str]:
    """The tokens that the execution waits for, in all its branches."""
    attempts = [place.get("attempt", {}) for place in _places(execution)]
    return [kept["token"] for kept in attempts if "token" in kept and "answer" not in kept]


def _places(keeper: Mapping[str, Any]) -> Iterator[Document]:
    """The positions of an execution or of a branch: its own, and those of the branches that have not ended."""
    position = keeper.get("position")
    if position is None:
        return
    yield position
    for branch in position.get("branches", []):
        if not has_ended(branch):
            yield from _places(branch)


def has_ended(branch: Mapping[str, Any]) -> bool:
    """Whether a branch has its result."""
    return "result" in branch


def branches(count: int) -> list[Document]:
    """What is kept of each branch of the Parallel state that the current thread is in."""
    position = _position.get()
    fresh: list[Document] = [{} for _ in range(count)]
    if position is None:
        return fresh
    kept: list[Document] = position.setdefault("branches", fresh)
    return kept


@contextmanager
def in_branch(kept: Document) -> Iterator[None]:
    """Keep the position of what the current thread runs in `kept`."""
    with _set(_keeper, kept), _set(_position, None), _set(_attempt, None):
        yield


def carry_on(execution: Document, types: Mapping[str, str], first: str) -> None:
    """Let the execution's next run go straight to its position, without telling again what its history has.

    Args:
        types: the type of each state of the machine.
        first: the state at which the machine begins.
    """
    position = execution["position"]
    for place in _places(execution):
        place["carried"] = True
    position["jump"] = True
    told = [f"{types[first]}StateEntered", f"{types[first]}StateExited"]
    if "entered" in position:
        told.append(f"{types[position['state']]}StateEntered")
        told += ["TaskScheduled"] if "attempt" in position else []
    _told[execution["executionArn"]] = told


def begin_anew(execution: Document, types: Mapping[str, str], first: str) -> None:
    """Let an execution that has done nothing begin, without telling again that it entered its first state."""
    _told[execution["executionArn"]] = [f"{types[first]}StateEntered"][: len(execution["events"]) - 1]


def go_back(execution: Document, types: Mapping[str, str], first: str) -> None:
    """Let a redriven execution run the state again in which it ended, as a new attempt."""
    for place in _places(execution):
        for name in ("attempt", "retries", "until", "manifold"):
            place.pop(name, None)
    carry_on(execution, types, first)
    # It was not cut: no answer is missing.
    for place in _places(execution):
        del place["carried"]


def runs(execution: Mapping[str, Any]) -> bool:
    """Whether a thread still works for the execution, which may have ended already."""
    return execution["executionArn"] in _running


def attempt() -> Document | None:
    """What is kept of the current attempt of a task; None in an item of a map, whose place is not kept."""
    return _attempt.get()


def attempt_seconds() -> float:
    """How long the current attempt has gone on, the time in which the embedded AWS was stopped included."""
    found = _attempt.get() or (_position.get() or {}).get("attempt")
    return time.time() - found["began"] if found else 0.0


def begin_retry(counts: dict[int, int]) -> None:
    """The attempt is over and another will begin: what a stop finds in between is no work that it cuts."""
    position = _position.get()
    if position:
        position["retries"] = counts
        position.pop("attempt", None)
        position.pop("branches", None)


def count_earlier_retries(counts: dict[int, int]) -> None:
    """Those of a task that carries on count on."""
    saved = (_position.get() or {}).get("retries", {})
    if not counts:
        counts.update({int(place): number for place, number in saved.items()})


def cut_at(execution: Mapping[str, Any]) -> str | None:
    """The state whose work a stop would cut; None for an execution that waits and can wait on."""
    position = execution.get("position")
    if position is None:
        return None if has_done_nothing(execution) else "?"
    if execution.get("sync"):  # whoever asked for it waits on a connection
        return str(position["state"])
    return " and ".join(str(place["state"]) for place in _places(execution) if _is_cut(place)) or None


def _is_cut(position: Document) -> bool:
    going_on = position.get("attempt")
    waits = going_on is None or bool(WAITING & set(going_on))
    return not waits or bool(position.get("manifold"))


def place_of(execution: Mapping[str, Any]) -> str:
    """The state in which an execution is, or that it enters next; of one in branches, theirs."""
    within = [str(place["state"]) for place in _places(execution) if "branches" not in place and place["state"]]
    return " and ".join(within) or "its first or its last state"


def has_done_nothing(execution: Mapping[str, Any]) -> bool:
    """Whether the execution was not yet in its first state; at most it was told to enter it."""
    return "position" not in execution and not execution.get("sync") and len(execution["events"]) <= 2


def _keeping_position(states: Any, name: str) -> Callable[..., Any]:
    stock = getattr(states, name)

    def handle(state: Document, raw_input: Any, *rest: Any) -> Any:
        context = rest[-1] or {}
        execution = states._executions.get(context.get("Execution", {}).get("Id"))
        keeper = execution if _keeper.get() is OUTSIDE else _keeper.get()
        if execution is None or keeper is None:
            with _set(_position, None):
                return stock(state, raw_input, *rest)
        if keeper.get("position", {}).pop("jump", False):
            position = execution["position"]
            context["variables"].update(position["variables"])
            if "redriveCount" in execution:
                redrive = {"RedriveCount": execution["redriveCount"], "RedriveTime": execution["redriveDate"]}
                context["Execution"].update(redrive)
            # The first state is answered as if it led to where the execution was.
            return position["input"], position["state"]
        with _gate:
            position = _within(keeper, context, raw_input, manifold=name in MANIFOLD)
        if position.get("manifold") and position.pop("carried", False):
            raise states._ExecutionError(CUT, CAUSE)
        with _set(_position, position), _set(_keeper, None):
            output, following = stock(state, raw_input, *rest)
        # One that was stopped meanwhile ended in this state.
        if execution["status"] == "RUNNING":
            keeper["position"] = {"state": following, "input": output, "variables": context["variables"]}
        return output, following

    return handle


def _within(keeper: Document, context: Document, raw_input: Any, *, manifold: bool) -> Document:
    """The position in the state that is entered; the one that was kept where the execution carries on."""
    kept: Document = keeper.get("position", {})
    if "entered" in kept:
        context["State"]["EnteredTime"] = kept["entered"]
        return kept
    position = {
        "state": context["State"]["Name"],
        "input": raw_input,
        "variables": context["variables"],
        "entered": context["State"]["EnteredTime"],
        **({"manifold": True} if manifold else {}),
    }
    keeper["position"] = position
    return position


def _keeping_answer(states: Any, name: str) -> Callable[..., Any]:
    """The answer to an attempt is kept until its state is left, so that nothing is asked twice."""
    stock = getattr(states, name)

    def invoke(*arguments: Any) -> Any:
        position = _position.get()
        if not position or _attempt.get() is not None:
            return stock(*arguments)
        with _gate:
            carried = position.pop("carried", False) and "attempt" in position
            found: Document = position.setdefault("attempt", {"began": time.time()})
        if carried and not WAITING & set(found):
            found["answer"] = {"error": CUT, "cause": CAUSE}
        if "answer" not in found:
            with _set(_attempt, found):
                found["answer"] = _answer(states, stock, arguments)
        if "error" in found["answer"]:
            raise states._ExecutionError(found["answer"]["error"], found["answer"]["cause"])
        return found["answer"]["result"]

    return invoke


def _answer(states: Any, stock: Callable[..., Any], arguments: tuple[Any, ...]) -> Document:
    try:
        return {"result": stock(*arguments)}
    except states._ExecutionError as error:
        return {"error": error.error, "cause": error.cause}


def _limit_by_what_is_left(states: Any) -> None:
    stock = states._invoke_resource_with_timeout

    def invoke(resource: str, task_input: Any, seconds: float) -> Any:
        return stock(resource, task_input, max(seconds - attempt_seconds(), 0))

    replace(states, "_invoke_resource_with_timeout", invoke)


def _begin_outside(states: Any) -> None:
    """An execution that another one starts is nowhere yet; its thread inherits where the other is."""
    stock = states._run_execution

    def run(arn: str) -> None:
        _running.add(arn)
        try:
            with _set(_keeper, OUTSIDE), _set(_position, None), _set(_attempt, None):
                stock(arn)
        finally:
            _told.pop(arn, None)
            execution = states._executions.get(arn) or {"status": SUCCEEDED}
            # One that ended otherwise may be redriven.
            if execution["status"] == SUCCEEDED:
                execution.pop("position", None)
            _running.discard(arn)

    replace(states, "_run_execution", run)


def _end_sleep_on_time(states: Any) -> None:
    stock = states._scaled_sleep

    def sleep(seconds: float) -> None:
        position = _position.get()
        if not position:
            stock(seconds)
            return
        until = position.setdefault("until", time.time() + seconds)
        stock(max(until - time.time(), 0))
        position.pop("until", None)

    replace(states, "_scaled_sleep", sleep)


def _tell_once(states: Any) -> None:
    stock = states._add_event

    def add(execution: Document, event_type: str, details: Document | None = None) -> Any:
        told = _told.get(execution["executionArn"], [])
        if told[:1] == [event_type]:
            told.pop(0)
            return {"type": event_type, **(details or {})}
        with _gate:
            return stock(execution, event_type, details)

    replace(states, "_add_event", add)


@contextmanager
def _set(variable: ContextVar[Value], value: Value) -> Iterator[None]:
    before = variable.set(value)
    try:
        yield
    finally:
        variable.reset(before)
