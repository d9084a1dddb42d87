"""The story of one run: its states with their times, how it ended, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from assembly_line.errors import NotFound
from assembly_line.stations import SCORING, Machine
from assembly_line.storage import SUCCEEDED, Execution, StateVisit, jobs_of
from assembly_line.throughput.service.executions import find

if TYPE_CHECKING:
    from assembly_line.storage import Account


def story(account: Account, run: str) -> dict[str, Any] | None:
    """What happened in a run, as JSON values; None if there is no such run."""
    found = find(account, run)
    if found is None:
        return None
    machine, execution = found
    failed = execution.stopped is not None and execution.status != SUCCEEDED
    return {
        "run_id": execution.name,
        "machine": machine.name,
        "status": execution.status,
        "reason": execution.reason if failed else None,
        "request": execution.request,
        "output": execution.output,
        "seconds": (execution.stopped - execution.started).total_seconds() if execution.stopped else None,
        "states": [_state(visit) for visit in account.machines.states(execution.arn)],
        "jobs": _jobs(account, machine, execution),
        "kept_aside": _kept_aside(account, execution) if machine == SCORING else [],
    }


def _kept_aside(account: Account, execution: Execution) -> list[dict[str, Any]]:
    """The decisions that a scoring run quarantined; none where it did not come so far."""
    from assembly_line.delivery import of_run

    try:
        return of_run(account, execution.request["line"], execution.name)
    except NotFound:
        return []


def _jobs(account: Account, machine: Machine, execution: Execution) -> list[str]:
    """Names of an execution's SageMaker jobs, or ids of the Glue runs that it started."""
    match machine.jobs:
        case "sagemaker":
            line = execution.request.get("line") if isinstance(execution.request, dict) else None
            return jobs_of(account.client("sagemaker"), line, execution.name) if isinstance(line, str) else []
        case "glue":
            started = account.machines.submitted(execution.arn, "glue")
            return [answer["JobRunId"] for answer in started if isinstance(answer, dict) and "JobRunId" in answer]
        case None:
            return []
        case _:
            assert_never(machine.jobs)


def _state(visit: StateVisit) -> dict[str, Any]:
    from assembly_line.instants import format_instant

    return {
        "name": visit.name,
        "entered": format_instant(visit.entered),
        "seconds": (visit.exited - visit.entered).total_seconds() if visit.exited else None,
        "problem": visit.problem,
    }
