"""States that follow when a job did not end well, one set a scope, and the variable that tells which attempt it is.

A machine has no state that fails by itself: Step Functions redrives an execution from the state that failed, and a Fail
state would only fail again (https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assembly_line.names import CHILD_SUFFIX
from stacks.machines.states import State, States, choose, expression, invoke, run_child, wait
from stacks.machines.station_events import REDRIVES, Announcer

ATTEND_SECONDS = 60
# Of a task but for its time limit; a name that is in use and a missing quota are among them.
ANY_FAILURE = "States.TaskFailed"
CHILD_EXISTS = "StepFunctions.ExecutionAlreadyExistsException"
# The execution that builds the dataset of a run; `assembly_line.names.child_run` names the later attempts.
CHILD_NAME = f"$states.context.Execution.Name & '{CHILD_SUFFIX}'"
_STATES = (
    "Attend",
    "WhichWay",
    "LookAgain",
    "AnnounceNoCapacity",
    "AwaitCapacity",
    "AnnounceAnotherTry",
    "BeginAttempt",
    "TakeResult",
)
_PROBLEM = {
    "error": expression("$states.errorOutput.Error"),
    "cause": expression("$exists($states.errorOutput.Cause) ? $states.errorOutput.Cause : ''"),
    "redrives": expression(REDRIVES),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A state that starts a job, and what follows once the job's result was found instead of waited for.

    Args:
        assign: variables set from `Attempts.result`, with the next step's attempt if one follows at once.
    """

    state: str
    then: str
    assign: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of one scope: of the machine itself, or of a branch.

    Args:
        suffix: ends the names of the scope's states and variables. A machine uses the name of a state once, and a
            branch may not assign a variable of the machine around it.
        item: JSONata that tells this scope from others with the same states; empty where there is one only.
    """

    suffix: str = ""
    item: str = ""

    @property
    def name(self) -> str:
        """The name of what the current attempt starts, in JSONata."""
        return f"${self._attempt}.name"

    @property
    def result(self) -> str:
        """What the function that looks at the attempt's job has found of it, in JSONata."""
        return f"${self._way}.result"

    def first(self, state: str, kind: str, name: str) -> dict[str, Any]:
        """The variable for the first attempt at `state`. `kind` is one of `assembly_line.training.attempts`."""
        return {self._attempt: {"state": state, "kind": kind, "name": expression(name), "number": 1, "waits": 0}}

    def attended(self, state: State, *errors: str) -> State:
        """The task, whose errors of these names are looked into. Any other fails the execution."""
        caught = {
            "ErrorEquals": list(errors),
            "Assign": {self._problem: _PROBLEM},
            "Next": self._named("Attend"),
        }
        return {**state, "Catch": [caught]}

    def states(self, function: str, steps: Sequence[Step], announcer: Announcer) -> States:
        """Look at the job; then take its result, look again, or begin an attempt, at once or when there is capacity."""
        attend, which, look, held, capacity, another, again, take = map(self._named, _STATES)
        attempt, way = f"${self._attempt}", f"${self._way}"
        scope = f"'{self.suffix}-' & {self.item} & '-'" if self.item else f"'{self.suffix}'"
        number = f"{scope} & $string({attempt}.number) & '.' & $string({attempt}.waits)"
        return {
            attend: self._attend(function, then=which),
            which: choose(
                (f"{way}.way = 'take'", take),
                (f"{way}.way = 'look'", look),
                (f"{way}.way = 'hold'", held),
                otherwise=again,
            ),
            look: wait(f"{way}.seconds", then=attend),
            held: announcer.state("waiting", then=capacity, cause=f"{way}.cause", part=number),
            capacity: wait(f"{way}.seconds", then=another),
            another: announcer.state("started", then=again, part=number),
            again: self._by_state([(step.state, step.state, {}) for step in steps]),
            take: self._by_state([(step.state, step.then, step.assign) for step in steps]),
        }

    @property
    def _attempt(self) -> str:
        return f"attempt{self.suffix}"

    @property
    def _problem(self) -> str:
        return f"problem{self.suffix}"

    @property
    def _way(self) -> str:
        return f"way{self.suffix}"

    def _named(self, state: str) -> str:
        return f"{state}{self.suffix}"

    def _attend(self, function: str, *, then: str) -> State:
        given = {
            "run_id": expression("$states.context.Execution.Name"),
            "redrives": expression(REDRIVES),
            "attempt": expression(f"${self._attempt}"),
            "problem": expression(f"${self._problem}"),
            "context": expression("$context"),
        }
        attend = invoke(function, given, assign=self._way, then=then, seconds=ATTEND_SECONDS)
        attend["Assign"][self._attempt] = expression("$states.result.Payload.attempt")
        return attend

    def _by_state(self, ways: Sequence[tuple[str, str, Mapping[str, Any]]]) -> State:
        """Go on by the state that the attempt belongs to: (state, next state, variables)."""
        *others, (_, otherwise, assign) = ways
        # A choice needs at least one condition, be there one way only.
        return {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": expression(f"${self._attempt}.state = '{state}'"),
                    "Next": following,
                    **({"Assign": dict(assigned)} if assigned else {}),
                }
                for state, following, assigned in others or ways
            ],
            "Default": otherwise,
            **({"Assign": dict(assign)} if assign else {}),
        }


def build_dataset(machine: str, attempts: Attempts, *, then: str, seconds: int) -> State:
    """Run the dataset machine to its end for the run's own request."""
    child = run_child(
        machine, name=attempts.name, request="$context.dataset_request", assign="dataset", then=then,
        seconds=seconds + 300,
    )  # fmt: skip
    return attempts.attended(child, CHILD_EXISTS)
