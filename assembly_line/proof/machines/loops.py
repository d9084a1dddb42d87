"""Loops of a machine: each is bounded by its waits, by what a function lets through, and by the machine's limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from assembly_line.proof.findings import Finding, fault
from assembly_line.proof.machines.tasks import Machine, states_of

CHECK = "machines"
Value = TypeVar("Value")
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
    "LookAgain": Known(480, 86_400, "attempts: it looks every eight minutes while a job runs, for a day at most"),
    "AwaitDelivery": Known(300, None, "a paused delivery: it looks every five minutes until somebody resumes it"),
    "AwaitCapacity": Known(1800, 86_400, "attempts: the wait grows to half an hour, and ends after a day"),
}
# States that a function lets through only so often, with how often. Those of a branch have its name as a suffix.
# Attempts wait 52 times at most and are repeated twice; a result is taken once for each of three jobs.
# A review is announced twice at most: by a reminder and by an escalation.
COUNTED = {"BeginAttempt": 80, "TakeResult": 10, "AnnounceReminded": 2}


def found_in(table: Mapping[str, Value], state: str) -> Value | None:
    """What a table tells of a state, by the name without the suffix of its branch."""
    return next((value for name, value in table.items() if state.startswith(name)), None)


def judged_loops(machine: Machine) -> Iterator[Finding]:
    """Each loop has an end, and all together leave room in an execution's history: branches loop at once."""
    for name, state in states_of(machine.definition):
        if found_in(WAITS, name) and state["Type"] != "Wait":
            yield fault(CHECK, f"{machine.name}/{name}", "is taken for a wait, and does not wait", "let it wait")
    total = 0.0
    for loop in loops(machine.definition):
        events = _most_events(machine, loop)
        total += events or 0
        if events is None:
            place = f"{machine.name}/{', '.join(sorted(loop))}"
            yield fault(CHECK, place, "a loop without a wait or the machine without a limit", "bound both")
    if total > MOST_EVENTS:
        says = f"its loops may make {total:.0f} events until its limit, {MOST_EVENTS} end an execution"
        yield fault(CHECK, machine.name, says, "wait longer, or end the loops after a number of rounds")


def _most_events(machine: Machine, loop: frozenset[str]) -> float | None:
    """Events that a loop may make in one execution; None if nothing bounds it."""
    states = {name: state for name, state in states_of(machine.definition) if name in loop}
    ways = {name: frozenset(_successors(states[name])) & loop for name in loop}
    limit = float(machine.definition.get("TimeoutSeconds", "inf"))
    waits = {name: found for name in loop if (found := _known(name, states[name]))}
    counted = {name: most for name in loop if (most := found_in(COUNTED, name))}
    free = loop - waits.keys() - counted.keys()
    unbounded = {each: ways[each] & free for each in free}
    if limit == float("inf") or any(name in _reached(name, unbounded) for name in free):
        return None
    rounds = {name: min(found.within or limit, limit) / found.seconds for name, found in waits.items()} | counted
    return sum(most * sum(_events(states[each]) for each in _shortest(name, ways)) for name, most in rounds.items())


def _known(name: str, state: Mapping[str, Any]) -> Known | None:
    """A wait as the definition or the table tells it; None for other states, and where neither does."""
    if state["Type"] != "Wait":
        return None
    given = state.get("Seconds")
    return (
        Known(float(given), None, "its definition")
        if isinstance(given, (int, float)) and given
        else found_in(WAITS, name)
    )


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
    """The strongly connected states, those of branches too: from each one leads a way back to it."""
    states = dict(states_of(definition))
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
