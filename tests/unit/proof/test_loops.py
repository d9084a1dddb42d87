"""Loops whose waits are expressions: bounded by what the table tells of them, or named."""

from __future__ import annotations

import copy
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


def test_a_loop_is_only_as_bounded_as_its_machine() -> None:
    assert judged(STATES, TimeoutSeconds=float("inf")) == ["a loop without a wait or the machine without a limit"]


def test_what_the_table_says_of_waits_is_what_the_code_does() -> None:
    assert WAITS["WaitForOther"].seconds == LONGEST_WAIT_SECONDS
