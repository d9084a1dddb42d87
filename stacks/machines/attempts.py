"""States that follow when a job did not end well, one set a machine, and the variable that tells which attempt it is.

A machine has no state that fails by itself: Step Functions redrives an execution from the state that failed, and a Fail
state would only fail again (https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assembly_line.names import CHILD_SUFFIX
from stacks.machines.states import State, States, choose, expression, invoke, known, run_child, wait
from stacks.machines.station_events import REDRIVES, Announcer

ATTEND = "Attend"
ATTEND_SECONDS = 60
ATTEMPT = "attempt"
# The name of what the current attempt starts.
NAME = "$attempt.name"
# What the function that looks at the attempt's job has found of it.
RESULT = "$way.result"
# Of a task but for its time limit; a name that is in use and a missing quota are among them.
ANY_FAILURE = "States.TaskFailed"
CHILD_EXISTS = "StepFunctions.ExecutionAlreadyExistsException"
# The execution that builds the dataset of a run; `assembly_line.names.child_run` names the later attempts.
CHILD_NAME = f"$states.context.Execution.Name & '{CHILD_SUFFIX}'"
_AGAIN = "BeginAttempt"
_TAKE = "TakeResult"
_PROBLEM = {
    "error": expression("$states.errorOutput.Error"),
    "cause": expression("$exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : ''"),
    "redrives": expression(REDRIVES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A state that starts a job, and what follows once the job's result was found instead of waited for.

    Args:
        assign: variables set from `$way.result`, with the next step's attempt if one follows at once.
    """

    state: str
    then: str
    assign: Mapping[str, Any] = field(default_factory=dict)


def first_attempt(state: str, kind: str, name: str) -> dict[str, Any]:
    """The variable for the first attempt at `state`. `kind` is one of `assembly_line.training.attempts`."""
    return {ATTEMPT: {"state": state, "kind": kind, "name": expression(name), "number": 1, "waits": 0}}


def attended(state: State, *errors: str) -> State:
    """The task, whose errors of these names are looked into. Any other fails the execution."""
    caught = {"ErrorEquals": list(errors), "Assign": {"problem": _PROBLEM}, "Next": ATTEND}
    return {**state, "Catch": [caught]}


def build_dataset(machine: str, *, then: str, seconds: int) -> State:
    """Run the dataset machine to its end for the run's own request."""
    child = run_child(
        machine, name=NAME, request="$context.dataset_request", assign="dataset", then=then, seconds=seconds + 300
    )
    return attended(child, CHILD_EXISTS)


def attempt_states(function: str, steps: Sequence[Step], announcer: Announcer) -> States:
    """Look at the job; then take its result, look again, or begin an attempt, at once or when there may be capacity."""
    given = {
        "run_id": expression("$states.context.Execution.Name"),
        "redrives": expression(REDRIVES),
        **known(ATTEMPT, "problem", "context"),
    }
    attend = invoke(function, given, assign="way", then="WhichWay", seconds=ATTEND_SECONDS)
    attend["Assign"][ATTEMPT] = expression("$states.result.Payload.attempt")
    number = "$string($attempt.number) & '.' & $string($attempt.waits)"
    return {
        ATTEND: attend,
        "WhichWay": choose(
            ("$way.way = 'take'", _TAKE),
            ("$way.way = 'look'", "LookAgain"),
            ("$way.way = 'hold'", "AnnounceNoCapacity"),
            otherwise=_AGAIN,
        ),
        "LookAgain": wait("$way.seconds", then=ATTEND),
        "AnnounceNoCapacity": announcer.state("waiting", then="AwaitCapacity", cause="$way.cause", part=number),
        "AwaitCapacity": wait("$way.seconds", then="AnnounceAnotherTry"),
        "AnnounceAnotherTry": announcer.state("started", then=_AGAIN, part=number),
        _AGAIN: _by_state([(step.state, step.state, {}) for step in steps]),
        _TAKE: _by_state([(step.state, step.then, step.assign) for step in steps]),
    }


def _by_state(ways: Sequence[tuple[str, str, Mapping[str, Any]]]) -> State:
    """Go on by the state that the attempt belongs to: (state, next state, variables)."""
    *others, (_, otherwise, assign) = ways
    return {
        "Type": "Choice",
        "Choices": [
            {
                "Condition": expression(f"${ATTEMPT}.state = '{state}'"),
                "Next": following,
                **({"Assign": dict(assigned)} if assigned else {}),
            }
            for state, following, assigned in others
        ],
        "Default": otherwise,
        **({"Assign": dict(assign)} if assign else {}),
    }
