"""Loops of a machine: each is bounded by its waits, by what a function lets through, and by the machine's limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from assembly_line.proof.findings import Finding, fault
from assembly_line.proof.machines.tasks import Machine

CHECK = "machines"
# Step Functions: quotas, standard workflows.
MOST_EVENTS = 25_000
# Entered, exited, and of a task: scheduled, started, succeeded; one more where something was submitted.
EVENTS_OF = {"Task": 6, "Wait": 2, "Choice": 2, "Pass": 2}


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


def judged_loop(machine: Machine, loop: frozenset[str]) -> Iterator[Finding]:
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


def loops(definition: Mapping[str, Any]) -> list[frozenset[str]]:
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
