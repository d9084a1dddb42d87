"""What follows when a job did not end well: take what is there, try again, wait for capacity, or fail for good.

A job's name comes from line, run, step and attempt. The attempt rises only after a look at the last one, which ended
in failure: so a lost reply cannot start a second job, and a redriven execution takes what was finished meanwhile.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from assembly_line.errors import JobFailed
from assembly_line.names import child_run, next_job_name

Kind = Literal["training", "tuning", "transform", "model", "execution"]
IN_USE = ("ResourceInUseException", "ExecutionAlreadyExistsException")
NO_QUOTA_LEFT = "ResourceLimitExceededException"
# "The account-level service limit 'ml.m5.xlarge for training job usage' is 0 Instances, with current utilization ..."
LIMIT_OF_NONE = re.compile(r"limit '([^']*)' is 0 Instances")
# Failure reasons of jobs that another attempt may mend:
# https://docs.aws.amazon.com/sagemaker/latest/dg/training-troubleshooting.html
NO_CAPACITY = ("CapacityError", "InsufficientInstanceCapacity")
# How a spot job ends that waited for an instance as long as it may. Each attempt may wait as long.
NO_SPOT = "MaxWaitTimeExceeded"
MOST_SPOT_ATTEMPTS = 3
OF_THE_SERVICE = ("InternalServerError", "InternalError")
MOST_INTERNAL_ERRORS = 3
# A history has room for a day of looks in each branch of a machine.
LOOK_AGAIN_SECONDS = 480
FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 1800
# A day: the growing waits, then the longest one again and again, each up to a fifth shorter.
MOST_WAITS = 58


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at the work of a state: its number, and how often it has waited for capacity."""

    state: str
    kind: Kind
    name: str
    number: int = 1
    waits: int = 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)

    def following(self, run_id: str) -> Attempt:
        """The next one, under a name of its own."""
        number = self.number + 1
        name = child_run(run_id, number) if self.kind == "execution" else next_job_name(self.name, number)
        return replace(self, number=number, name=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Whose work an attempt is: by this it knows its own job from another's of the same name.

    Args:
        run_id: of the run.
        folders: URIs below which the jobs of the run write, and its model lies.
        dataset_request: what an execution is given that builds its dataset.
    """

    run_id: str
    folders: tuple[str, ...]
    dataset_request: Mapping[str, Any]

    def require_own(self, attempt: Attempt, *, uri: str | None = None, request: Any = None) -> None:
        """Refuse a job that does another run's work.

        Args:
            uri: where the job writes, or its model lies; None of an execution.
            request: what the execution was given; None of a job.

        Raises:
            JobFailed: the name is taken.
        """
        if (request == self.dataset_request) if uri is None else uri.startswith(self.folders):
            return
        whose = f"writes to {uri}" if uri is not None else f"was given {request}"
        raise JobFailed(
            f"{attempt.kind} {attempt.name} does the work of another run: it {whose}; expected that of run "
            f"{self.run_id}; start this run again under another name"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What was caught. `redrives` counts those of the execution by then."""

    error: str
    cause: str
    redrives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The job of an attempt as its service describes it; `result` of one that succeeded."""

    status: Literal["running", "succeeded", "failed"]
    reason: str = ""
    result: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where the execution goes on.

    Args:
        way: `take` the result, `look` again later, begin the `attempt`, or `hold` it until there may be capacity.
        cause: why it is held.
    """

    way: Literal["take", "look", "begin", "hold"]
    attempt: Attempt
    seconds: int = 0
    cause: str = ""
    result: Any = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def way_on(attempt: Attempt, problem: Problem, found: Found | None, *, run_id: str, redrives: int) -> Way:
    """Decide what follows.

    Args:
        found: the attempt's job; None if there is no job of its name.
        redrives: those of the execution by now. One more than when the problem was caught asks for another attempt.

    Raises:
        JobFailed: another attempt would fail as well, as far as anybody can tell. A redrive makes one.
    """
    if found is not None and found.status == "succeeded":
        return Way(way="take", attempt=attempt, result=found.result)
    if found is not None and found.status == "running":
        return Way(way="look", attempt=attempt, seconds=LOOK_AGAIN_SECONDS)
    following = attempt if found is None else attempt.following(run_id)
    if redrives > problem.redrives or (found is not None and problem.error.endswith(IN_USE)):
        return Way(way="begin", attempt=replace(following, waits=0))
    reason = found.reason if found is not None else problem.cause
    if found is None and problem.error.endswith(NO_QUOTA_LEFT):
        return _held_by_quota(following, reason, run_id)
    if reason.startswith(NO_CAPACITY):
        return _held(following, reason, run_id)
    if reason.startswith(NO_SPOT) and attempt.number < MOST_SPOT_ATTEMPTS:
        return _held(following, reason, run_id)
    if reason.startswith(OF_THE_SERVICE) and attempt.number < MOST_INTERNAL_ERRORS:
        return Way(way="begin", attempt=following)
    advice = f"; declare a longer spot_wait or spot=False, or go on with `line redrive {run_id}`"
    raise JobFailed(
        f"{attempt.kind} {attempt.name}: {reason or problem.error}{advice if reason.startswith(NO_SPOT) else ''}"
    )


def _held_by_quota(attempt: Attempt, reason: str, run_id: str) -> Way:
    none = LIMIT_OF_NONE.search(reason)
    if none is None:
        return _held(attempt, reason, run_id)
    raise JobFailed(
        f"{attempt.kind} {attempt.name}: the account's quota {none[1]!r} is 0, so that no job can ever start; ask for "
        f"at least 1 in Service Quotas, then go on with `line redrive {run_id}`"
    )


def _in_no_step(seconds: int, attempt: Attempt) -> int:
    """Up to a fifth less, by the job and its number of waits: runs that met the same shortage ask at other times."""
    digest = hashlib.sha256(f"{attempt.name}/{attempt.waits}".encode()).digest()
    return seconds - seconds * digest[0] // (5 * 255)


def _held(attempt: Attempt, reason: str, run_id: str) -> Way:
    if attempt.waits >= MOST_WAITS:
        raise JobFailed(
            f"{attempt.kind} {attempt.name}: no capacity within a day: {reason}; declare another instance type, or go "
            f"on with `line redrive {run_id}`"
        )
    seconds = _in_no_step(min(FIRST_WAIT_SECONDS * 2**attempt.waits, LONGEST_WAIT_SECONDS), attempt)
    return Way(way="hold", attempt=replace(attempt, waits=attempt.waits + 1), seconds=seconds, cause=reason)
