"""Judges the machines: errors that are named, loops, silent waiting, and the size of what states pass on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.proof.findings import Finding, Judgement, fault, remark
from assembly_line.proof.machines.errors import catches_too_large_states, unknown_errors
from assembly_line.proof.machines.tasks import Machine, states_of
from assembly_line.proof.recording import Recording

CHECK = "machines"
# Step Functions: quotas, standard workflows.
MOST_EVENTS = 25_000
MOST_PAYLOAD = 256 * 1024
# Entered, exited, and of a task: scheduled, started, succeeded; one more where something was submitted.
EVENTS_OF = {"Task": 6, "Wait": 2, "Choice": 2, "Pass": 2}
EVENTS_OF_RETRY = 3
# A person who looks at the board should not wonder longer what a run does.
SILENT_SECONDS = 3600
# What names that which a task starts.
NAMING = ("TrainingJobName", "TransformJobName", "Name")
REDRIVEN = "RedriveCount"


@dataclass(frozen=True)
class Known:
    """What no definition tells of a wait whose length an expression gives.

    Args:
        seconds: what it settles at.
        within: seconds that all its rounds may take together; None: until the machine's own limit.
        why: where that is held.
    """

    seconds: float
    within: float | None
    why: str


WAITS = {
    "WaitForOther": Known(30, None, "the claims of datasets: the wait grows to 30 s within two minutes"),
    "LookAgain": Known(60, 86_400, "attempts: it looks once a minute while a job runs, for a day at most"),
    "AwaitCapacity": Known(1800, 86_400, "attempts: the wait grows to half an hour, and ends after a day"),
}
# States that a function lets through only so often, with how often.
COUNTED = {"BeginAttempt": 100, "TakeResult": 100}


def judgement(machines: Iterable[Machine], recording: Recording, classes: frozenset[str]) -> Judgement:
    """Args: `classes`: names of the exceptions that functions may raise."""
    found: list[Finding] = []
    loops, silences = 0, [0.0]
    machines = list(machines)
    for machine in machines:
        for task in machine.tasks():
            place = f"{machine.name}/{task.name}"
            for problem in unknown_errors(task, classes):
                todo = "name an error of this integration, or leave the name out"
                found.append(fault(CHECK, place, f"{problem}, which nothing that it calls raises", todo))
        for name, state in states_of(machine.definition):
            place = f"{machine.name}/{name}"
            if not catches_too_large_states(state):
                todo = "catch States.DataLimitExceeded beside States.ALL"
                found.append(fault(CHECK, place, "a state that grew too large escapes its Catch", todo))
            silent = max((longest_wait(each) for each in state.get("Retry", [])), default=0.0)
            silences.append(silent)
            if silent > SILENT_SECONDS:
                says = f"a retry may wait {silent / 3600:.1f} h in all without a word"
                found.append(fault(CHECK, place, says, "announce the waiting, or give up sooner"))
        for loop in _loops(machine.definition):
            loops += 1
            found += _judged_loop(machine, loop)
    found += _sizes(recording)
    found += [finding for machine in machines for finding in _repeated_names(machine)]
    return Judgement(
        check=CHECK,
        counts={
            "machines": len(machines),
            "states": sum(1 for machine in machines for _ in states_of(machine.definition)),
            "loops": loops,
            "longest silence in s": round(max(silences)),
            "largest payload in bytes": max((max(each.sent, each.got) for each in recording.transitions), default=0),
        },
        findings=tuple(sorted(set(found))),
        not_judged=tuple(
            f"{name}: the wait is an expression; taken for {WAITS[name].why}"
            for machine in machines
            for name, _ in states_of(machine.definition)
            if name in WAITS
        ),
    )


def _repeated_names(machine: Machine) -> Iterator[Finding]:
    """Jobs and children keep their names for ever: what is redriven needs others."""
    named = [task.name for task in machine.tasks() if any(name in task.arguments for name in NAMING)]
    # Announcing it changes no name.
    told = any(REDRIVEN in json.dumps(task.state) for task in machine.tasks() if task.service != "events")
    if named and not told:
        says = f"starts jobs or executions in {', '.join(named)} under the same names after a redrive"
        yield fault(CHECK, machine.name, says, f"let the names depend on $states.context.Execution.{REDRIVEN}")


def longest_wait(retrier: Mapping[str, Any]) -> float:
    """Seconds that all waits of a Retry may take together."""
    interval, rate = retrier.get("IntervalSeconds", 1), retrier.get("BackoffRate", 2.0)
    most = retrier.get("MaxDelaySeconds", float("inf"))
    return float(sum(min(interval * rate**number, most) for number in range(retrier.get("MaxAttempts", 3))))


def _judged_loop(machine: Machine, loop: frozenset[str]) -> Iterator[Finding]:
    states: Mapping[str, Any] = machine.definition["States"]
    ways = {name: frozenset(_successors(states[name])) & loop for name in loop}
    limit = float(machine.definition.get("TimeoutSeconds", "inf"))
    place = f"{machine.name}/{', '.join(sorted(loop))}"
    waits = {name: found for name in loop if (found := _known(name, states[name]))}
    free = loop - waits.keys() - COUNTED.keys()
    unbounded = {each: ways[each] & free for each in free}
    if limit == float("inf") or any(name in _reached(name, unbounded) for name in free):
        yield fault(CHECK, place, "a loop without a wait or the machine without a limit", "bound both")
        return
    total = sum(
        sum(_events(states[each]) for each in _shortest(name, ways)) * min(found.within or limit, limit) / found.seconds
        for name, found in waits.items()
    )
    total += sum(
        COUNTED[name] * sum(_events(states[each]) for each in _shortest(name, ways)) for name in loop & COUNTED.keys()
    )
    if total > MOST_EVENTS:
        says = f"a loop may make {total:.0f} events until the machine's limit, {MOST_EVENTS} end an execution"
        yield fault(CHECK, place, says, "wait longer, or end the loop after a number of rounds")


def _known(name: str, state: Mapping[str, Any]) -> Known | None:
    """A wait as the definition or the table tells it; None for other states, and where neither does."""
    if state["Type"] != "Wait":
        return None
    given = state.get("Seconds")
    return Known(float(given), None, "its definition") if isinstance(given, (int, float)) and given else WAITS.get(name)


def _shortest(start: str, ways: Mapping[str, frozenset[str]]) -> list[str]:
    """The states of the shortest way from a state back to it."""
    paths = [[start]]
    seen: set[str] = set()
    while paths:
        path = paths.pop(0)
        for name in sorted(ways[path[-1]]):
            if name == start:
                return path
            if name not in seen:
                seen.add(name)
                paths.append([*path, name])
    return []


def _events(state: Mapping[str, Any]) -> int:
    """Events of one way through a state. Retries come on top only now and then: they are left out."""
    return EVENTS_OF.get(state["Type"], EVENTS_OF["Task"])


def _loops(definition: Mapping[str, Any]) -> list[frozenset[str]]:
    """The strongly connected states: from each one leads a way back to it."""
    states: Mapping[str, Any] = definition["States"]
    ways = {name: frozenset(_successors(state)) & states.keys() for name, state in states.items()}
    reached: dict[str, frozenset[str]] = {name: _reached(name, ways) for name in states}
    looping = {name for name in states if name in reached[name]}
    return list(
        {frozenset(other for other in looping if other in reached[name] and name in reached[other]) for name in looping}
    )


def _reached(start: str, ways: Mapping[str, frozenset[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(ways[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += ways[name]
    return frozenset(found)


def _successors(state: Mapping[str, Any]) -> list[str]:
    found = [state[field] for field in ("Next", "Default") if field in state]
    return found + [each["Next"] for field in ("Choices", "Catch") for each in state.get(field, [])]


def _sizes(recording: Recording) -> Iterator[Finding]:
    largest: dict[str, int] = defaultdict(int)
    for each in recording.transitions:
        largest[each.state] = max(largest[each.state], each.sent, each.got)
    for state, size in largest.items():
        if size > MOST_PAYLOAD:
            yield fault(CHECK, state, f"passed on {size} bytes, {MOST_PAYLOAD} are the most", "pass a pointer instead")
        elif size > MOST_PAYLOAD / 4:
            yield remark(CHECK, state, f"passed on {size} of {MOST_PAYLOAD} bytes", "pass a pointer instead")
