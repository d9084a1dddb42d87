"""Loops whose waits are expressions: bounded by what the table tells of them, or named."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from assembly_line.features.model.claims import LONGEST_WAIT_SECONDS
from assembly_line.proof.machines import judgement as state_machines
from assembly_line.proof.machines.loops import WAITS
from assembly_line.proof.machines.tasks import Machine, machines
from assembly_line.proof.recording import Recording
from tests.unit.proof.small_world import world

NOTHING = Recording((), {}, ())
STATES: dict[str, Any] = {
    "Work": {"Type": "Pass", "Next": "Which"},
    "Which": {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $a %}", "Next": "LookAgain"}, {"Condition": "{% $b %}", "Next": "BeginAttempt"}],
        "Default": "End",
    },
    "LookAgain": {"Type": "Wait", "Seconds": "{% $way.seconds %}", "Next": "Which"},
    "BeginAttempt": {"Type": "Pass", "Next": "Work"},
    "End": {"Type": "Succeed"},
}


def judged(states: dict[str, Any], **machine: Any) -> list[str]:
    (small,) = machines(world())
    definition = {"StartAt": "Work", "TimeoutSeconds": 10**6, "States": states} | machine
    found = state_machines.judgement([Machine(small.resource, small.arn, small.role, definition)], NOTHING, frozenset())
    return [finding.says for finding in found.faults]


def test_waits_and_counted_states_that_the_table_knows_bound_a_loop() -> None:
    assert judged(STATES) == []


@pytest.mark.parametrize("name", ["LookAgain", "BeginAttempt"])
def test_a_state_that_nobody_told_of_bounds_nothing(name: str) -> None:
    states = copy.deepcopy(STATES)
    states["Other"] = states.pop(name)
    for choice in states["Which"]["Choices"]:
        choice["Next"] = "Other" if choice["Next"] == name else choice["Next"]
    assert judged(states) == ["a loop without a wait or the machine without a limit"]


def in_branches(*of_branches: dict[str, Any]) -> dict[str, Any]:
    """A machine of one Parallel state; the names in each branch end with a number of their own."""
    branches = []
    for number, states in enumerate(of_branches):
        text = json.dumps(states)
        for name in states:
            text = text.replace(f'"{name}"', f'"{name}{number}"')
        branches.append({"StartAt": f"Work{number}", "States": json.loads(text)})
    return {"Work": {"Type": "Parallel", "Branches": branches, "End": True}}


def test_the_loops_of_branches_are_judged_and_count_together() -> None:
    looking = copy.deepcopy(STATES)
    # Once a minute, for a day: more than half of a history, if two branches do it.
    looking["Which"]["Choices"].append({"Condition": "{% $c %}", "Next": "Pause"})
    looking["Pause"] = {"Type": "Wait", "Seconds": 60, "Next": "Tell"}
    looking["Tell"] = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Which"}
    assert judged(in_branches(looking), TimeoutSeconds=86_400) == []
    assert judged(in_branches(looking, looking), TimeoutSeconds=86_400) == [
        "its loops may make 31200 events until its limit, 25000 end an execution"
    ]
    endless = copy.deepcopy(STATES)
    endless["BeginAttempt"]["Next"] = "Which"
    endless["Which"]["Choices"].append({"Condition": "{% $d %}", "Next": "Work"})
    assert judged(in_branches(STATES, endless)) == ["a loop without a wait or the machine without a limit"]


def test_a_wait_that_the_table_knows_has_to_be_one() -> None:
    states = copy.deepcopy(STATES)
    states["AwaitCapacity"] = {"Type": "Pass", "Next": "BeginAttempt"}
    states["Which"]["Choices"][1]["Next"] = "AwaitCapacity"
    assert judged(states) == ["is taken for a wait, and does not wait"]


def test_a_loop_is_only_as_bounded_as_its_machine() -> None:
    assert judged(STATES, TimeoutSeconds=float("inf")) == ["a loop without a wait or the machine without a limit"]


def test_what_the_table_says_of_waits_is_what_the_code_does() -> None:
    assert WAITS["WaitForOther"].seconds == LONGEST_WAIT_SECONDS
