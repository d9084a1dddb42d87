"""Whether the judgement of the machines can fail: each machine is broken in each way, one at a time."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

from assembly_line.proof.findings import Outcome
from assembly_line.proof.machines.judgement import judgement
from assembly_line.proof.machines.tasks import Machine, states_of
from assembly_line.proof.recording import Recording

TOO_LARGE = "States.DataLimitExceeded"


def of_machines(machines: Iterable[Machine], recording: Recording, classes: frozenset[str]) -> Iterator[Outcome]:
    """A catch that lets a state escape, an error that nothing raises, a retry without an end, a loop without a wait."""
    for machine in machines:
        before = {(each.place, each.says) for each in judgement([machine], recording, classes).findings}
        for name, state in states_of(machine.definition):
            for what, change in MUTATIONS:
                changed = copy.deepcopy(dict(machine.definition))
                if not change(_state(changed, name)):
                    continue
                found = judgement([replace(machine, definition=changed)], recording, classes).findings
                named = next((each.says for each in found if (each.place, each.says) not in before), "")
                why = f"{state['Type']} states are bounded otherwise"
                yield Outcome("machines", f"{machine.name}/{name}: {what}", named, why)


def _state(definition: dict[str, Any], name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", dict(states_of(definition))[name])


def _uncaught(state: dict[str, Any]) -> bool:
    kept = [each for each in state.get("Catch", []) if TOO_LARGE not in each["ErrorEquals"]]
    changed = len(kept) != len(state.get("Catch", []))
    state["Catch"] = kept
    return changed


def _misspelled(state: dict[str, Any]) -> bool:
    for each in state.get("Retry", []):
        each["ErrorEquals"] = [f"{name}s" for name in each["ErrorEquals"]]
    return bool(state.get("Retry"))


def _endless(state: dict[str, Any]) -> bool:
    for each in state.get("Retry", []):
        each["MaxAttempts"] = 10_000
    return bool(state.get("Retry"))


def _without_wait(state: dict[str, Any]) -> bool:
    if state["Type"] != "Wait":
        return False
    state.update(Type="Pass")
    state.pop("Seconds", None)
    return True


MUTATIONS = (
    ("a state that grew too large is not caught", _uncaught),
    ("retries an error that nothing raises", _misspelled),
    ("retries without an end", _endless),
    ("does not wait", _without_wait),
)
