"""Executions of the line's state machines: start them, answer one that waits, look at them, and why one failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from assembly_line.causes import parsed, readable_failure
from assembly_line.errors import Conflict, NotFound

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.client import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
ABORTED = "ABORTED"
GONE = ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken")


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution as Step Functions describes it; `status` in its words. `output` only of one that succeeded."""

    arn: str
    machine_arn: str
    name: str
    status: str
    started: datetime
    stopped: datetime | None
    request: Any
    output: Any
    error: str | None
    cause: str | None

    @property
    def was_stopped(self) -> bool:
        """Somebody stopped it; right afterwards Step Functions may still show it as running."""
        return self.status in (ABORTED, RUNNING)

    @property
    def reason(self) -> str:
        """Why it failed, in one readable line."""
        return readable_failure(self.error, self.cause) or self.status


@dataclass(frozen=True, slots=True, kw_only=True)
class StateVisit:
    """One state of an execution; `exited` is None while it goes on or if it failed there."""

    name: str
    entered: datetime
    exited: datetime | None
    problem: str | None = None


class Machines:
    def __init__(self, sfn: SFNClient) -> None:
        self._sfn = sfn

    def start(self, machine_arn: str, name: str, request: Mapping[str, Any]) -> str:
        """Start an execution and return its ARN.

        Raises:
            Conflict: the name is taken.
        """
        try:
            answer = self._sfn.start_execution(stateMachineArn=machine_arn, name=name, input=_text(request))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
                raise Conflict(f"execution {name!r} exists already; a run's name is used once") from error
            raise
        return answer["executionArn"]

    def answer(self, token: str, content: Mapping[str, Any]) -> bool:
        """Give a waiting task its answer. False if nothing waits for it any more: it ended, or was answered before."""
        try:
            self._sfn.send_task_success(taskToken=token, output=_text(content))
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return False
            raise
        return True

    def describe(self, arn: str) -> Execution:
        """The execution.

        Raises:
            NotFound: there is none of that ARN.
        """
        try:
            found = self._sfn.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ExecutionDoesNotExist", "InvalidArn"):
                raise NotFound(f"{arn}: there is no such execution") from error
            raise
        return Execution(
            arn=arn,
            machine_arn=found["stateMachineArn"],
            name=found["name"],
            status=found["status"],
            started=found["startDate"],
            stopped=found.get("stopDate"),
            request=parsed(found.get("input")),
            output=parsed(found.get("output")),
            error=found.get("error"),
            cause=found.get("cause"),
        )

    def stop(self, arn: str, *, error: str, cause: str) -> Execution:
        """Stop an execution, with what it has started, and return it as it is then. One that has ended stays as it is.

        Raises:
            NotFound: there is none of that ARN.
        """
        found = self.describe(arn)
        if found.status != RUNNING:
            return found
        try:
            self._sfn.stop_execution(executionArn=arn, error=error, cause=cause)
        except ClientError as failure:
            # It may have ended between the two calls.
            if failure.response["Error"]["Code"] != "ValidationException":
                raise
        return self.describe(arn)

    def redrive(self, arn: str) -> Execution:
        """Go on with an execution at the state where it ended, and return it as it is then.

        Raises:
            NotFound: there is none of that ARN.
            Conflict: it runs, succeeded, or ended too long ago.
        """
        found = self.describe(arn)
        try:
            self._sfn.redrive_execution(executionArn=arn)
        except ClientError as failure:
            if failure.response["Error"]["Code"] != "ExecutionNotRedrivable":
                raise
            raise Conflict(
                f"run {found.name} is {found.status.lower()} and cannot go on: expected a run that failed, was stopped "
                "or ran out of time within the last 14 days; start it again under a new name"
            ) from failure
        return self.describe(arn)

    def current_state(self, arn: str) -> str | None:
        """The state that was entered last; None before the first."""
        answer = self._sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=50)
        for event in answer["events"]:
            entered = event.get("stateEnteredEventDetails")
            if entered:
                return entered["name"]
        return None

    def states(self, arn: str) -> list[StateVisit]:
        """Every state of the execution in order, with the problem that a failed task reported.

        Branches run at once: an event belongs to the state of the event before it in its own branch.
        """
        visits: list[StateVisit] = []
        of_events: dict[int, int] = {}
        for event in self._history(arn):
            entered, left = event.get("stateEnteredEventDetails"), event.get("stateExitedEventDetails")
            problem = _problem(event)
            place = of_events.get(event.get("previousEventId", 0), len(visits) - 1)
            if entered:
                place = len(visits)
                visits.append(StateVisit(name=entered["name"], entered=event["timestamp"], exited=None))
            elif left:
                _leave(visits, left["name"], event["timestamp"])
            elif problem and visits and not (event["type"].startswith("Execution") and _is_explained(visits)):
                visits[place] = replace(visits[place], problem=problem)
            of_events[event["id"]] = place
        return visits

    def submitted(self, arn: str, service: str) -> list[Any]:
        """What a service answered when the execution's tasks started jobs of it, such as a Glue run's id."""
        details: Iterator[Mapping[str, Any]] = (
            event.get("taskSubmittedEventDetails") or {} for event in self._history(arn)
        )
        return [parsed(each.get("output")) for each in details if each.get("resourceType") == service]

    def recent(self, machine_arn: str, *, status: str | None = None, limit: int = 20) -> list[tuple[str, str]]:
        """(name, status) of the latest executions, newest first."""
        which: Any = {"statusFilter": status} if status else {}
        answer = self._sfn.list_executions(stateMachineArn=machine_arn, maxResults=limit, **which)
        return [(found["name"], found["status"]) for found in answer["executions"]]

    def running(self, machine_arn: str) -> list[str]:
        """ARNs of every execution that runs now; none of a machine that is gone."""
        pages = self._sfn.get_paginator("list_executions").paginate(stateMachineArn=machine_arn, statusFilter="RUNNING")
        try:
            return [found["executionArn"] for page in pages for found in page["executions"]]
        except ClientError as error:
            if error.response["Error"]["Code"] == "StateMachineDoesNotExist":
                return []
            raise

    def _history(self, arn: str) -> Iterator[HistoryEventTypeDef]:
        for page in self._sfn.get_paginator("get_execution_history").paginate(executionArn=arn):
            yield from page["events"]


def execution_arn(machine_arn: str, name: str) -> str:
    """The ARN that an execution of this name has."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def _text(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _problem(event: HistoryEventTypeDef) -> str | None:
    for member, details in event.items():
        failed = member.endswith(("FailedEventDetails", "TimedOutEventDetails", "AbortedEventDetails"))
        if failed and isinstance(details, Mapping):
            said = readable_failure(details.get("error"), str(details.get("cause") or ""))
            return said or member.removesuffix("EventDetails")
    return None


def _is_explained(visits: list[StateVisit]) -> bool:
    """Whether a state in which the execution ended has told why."""
    return any(visit.exited is None and visit.problem for visit in visits)


def _leave(visits: list[StateVisit], name: str, exited: datetime) -> None:
    for number in range(len(visits) - 1, -1, -1):
        if visits[number].name == name and visits[number].exited is None:
            visits[number] = replace(visits[number], exited=exited)
            return
