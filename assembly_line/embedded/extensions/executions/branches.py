"""The branches of a Parallel state: the first failure stops the others, and a redrive runs only what did not end.

Each branch keeps its position and tells its states, as the machine around it does. Behaviour:
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

import contextvars
import json
import threading
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from assembly_line.embedded.extensions.executions import positions
from assembly_line.embedded.extensions.pinned import ministack, replace

POLL_SECONDS = 0.2
Document = dict[str, Any]
# Handlers that take the execution too.
OF_EXECUTIONS = ("Task", "Parallel", "Map")


@dataclass(kw_only=True)
class Branch:
    """One branch that a thread walks through.

    Args:
        kept: what stays of it: its position, or its result; the number of its last event.
        over: each is set once a branch beside this one, or beside one around it, has failed.
        repeats: kinds of events that come again and that the history has already.
    """

    definition: Document
    kept: Document
    over: tuple[threading.Event, ...]
    repeats: list[str] = field(default_factory=list)


_branch: ContextVar[Branch | None] = ContextVar("branch", default=None)


def given_up() -> bool:
    """Whether the branch that the current thread works for has to end: another one failed."""
    branch = _branch.get()
    return branch is not None and any(each.is_set() for each in branch.over)


def install() -> None:
    states = ministack(
        "services.stepfunctions", "_run_parallel_branches", "_run_execution", "_ExecutionError", "_add_event",
        "now_iso", "_apply_input_path", "_apply_parameters", "_apply_result_selector", "_apply_result_path",
        "_apply_output_path", "_next_or_end", "_fail_state_error", "_scaled_sleep", "_SFN_WAIT_SCALE",
    )  # fmt: skip
    _begin_outside(states)
    _chain_events(states)
    _end_sleep_early(states)

    def run(state: Document, raw_input: Any, execution: Document, context: Document) -> tuple[Any, Any]:
        given = states._apply_parameters(state, states._apply_input_path(state, raw_input, context), context)
        results = states._apply_result_selector(state, _results(states, state["Branches"], given, execution, context))
        output = states._apply_result_path(state, raw_input, results)
        return states._apply_output_path(state, output, context), states._next_or_end(state)

    replace(states, "_run_parallel_branches", run)


def _results(states: Any, definitions: list[Document], given: Any, execution: Document, context: Document) -> list[Any]:
    over, around, errors = threading.Event(), _branch.get(), list[Exception]()
    kept = positions.branches(len(definitions))
    last = len(execution["events"])

    def walk(branch: Branch) -> None:
        _branch.set(branch)
        try:
            with positions.in_branch(branch.kept):
                branch.kept["result"] = _walked(states, branch, given, execution, context)
            del branch.kept["position"]
        except Exception as error:  # noqa: BLE001  whatever it is, the state fails with it
            errors.append(error)
            over.set()

    threads = []
    for definition, of_branch in zip(definitions, kept, strict=True):
        if positions.has_ended(of_branch):
            continue
        of_branch.setdefault("last", last)
        branch = Branch(definition=definition, kept=of_branch, over=(over, *(around.over if around else ())))
        # A context can be entered by one thread alone.
        thread = threading.Thread(target=contextvars.copy_context().run, args=(walk, branch), daemon=True)
        threads.append(thread)
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        failed = isinstance(errors[0], states._ExecutionError)
        raise errors[0] if failed else states._ExecutionError("States.BranchFailed", str(errors[0]))
    return [each["result"] for each in kept]


def _walked(states: Any, branch: Branch, given: Any, execution: Document, context: Document) -> Any:
    """Walk through the branch from where it is, and return its result."""
    kept = branch.kept.setdefault(
        "position", {"state": branch.definition["StartAt"], "input": given, "variables": dict(context["variables"])}
    )
    own = {**context, "variables": kept["variables"]}
    name, value = kept["state"], kept["input"]
    while name:
        _require_going_on(states, execution)
        state = branch.definition["States"].get(name)
        if state is None:
            raise states._ExecutionError("States.Runtime", f"State '{name}' not found")
        position = branch.kept["position"]
        if "entered" not in position:
            _tell(states, execution, state, "Entered", name=name, input=value)
        elif "attempt" in position:
            branch.repeats.append("TaskScheduled")
        own["State"] = {"Name": name, "EnteredTime": states.now_iso(), "RetryCount": 0}
        value, following = _left(states, state, value, execution, own)
        _tell(states, execution, state, "Exited", name=name, output=value)
        name = following
    return value


def _left(states: Any, state: Document, value: Any, execution: Document, context: Document) -> tuple[Any, str | None]:
    """The state's output, and the next state; None ends the branch."""
    kind = state["Type"]
    if kind == "Succeed":
        return states._apply_output_path(state, states._apply_input_path(state, value, context), context), None
    if kind == "Fail":
        raise states._ExecutionError(*states._fail_state_error(state, value, context))
    handler = getattr(states, f"_execute_{kind.lower()}")
    given = (execution, context) if kind in OF_EXECUTIONS else (context,)
    output, following = handler(state, value, *given)
    return output, following


def _require_going_on(states: Any, execution: Mapping[str, Any]) -> None:
    if given_up():
        raise states._ExecutionError("States.Runtime", "another branch failed")
    if execution["status"] != "RUNNING":
        raise states._ExecutionError("States.Runtime", "the execution has ended")


def _tell(states: Any, execution: Document, state: Document, what: str, **details: Any) -> None:
    texts = {key: value if key == "name" else json.dumps(value) for key, value in details.items()}
    states._add_event(execution, f"{state['Type']}State{what}", {f"state{what}EventDetails": texts})


def _begin_outside(states: Any) -> None:
    """An execution that a branch starts is in no branch; its thread inherits where the other is."""
    stock = states._run_execution

    def run(arn: str) -> None:
        token = _branch.set(None)
        try:
            stock(arn)
        finally:
            _branch.reset(token)

    replace(states, "_run_execution", run)


def _chain_events(states: Any) -> None:
    """An event of a branch names the one before it there: events of other branches stand between them."""
    stock = states._add_event

    def add(execution: Document, event_type: str, details: Document | None = None) -> Any:
        branch = _branch.get()
        if branch is None:
            return stock(execution, event_type, details)
        if branch.repeats[:1] == [event_type]:
            branch.repeats.pop(0)
            return {"type": event_type, **(details or {})}
        event = stock(execution, event_type, {**(details or {}), "previousEventId": branch.kept["last"]})
        branch.kept["last"] = event["id"]
        return event

    replace(states, "_add_event", add)


def _end_sleep_early(states: Any) -> None:
    """A wait in a branch ends once another branch has failed."""
    stock = states._scaled_sleep

    def sleep(seconds: float) -> None:
        if _branch.get() is None:
            stock(seconds)
            return
        until = time.monotonic() + seconds * states._SFN_WAIT_SCALE
        while (left := until - time.monotonic()) > 0:
            if given_up():
                raise states._ExecutionError("States.Runtime", "another branch failed")
            time.sleep(min(left, POLL_SECONDS))

    replace(states, "_scaled_sleep", sleep)
