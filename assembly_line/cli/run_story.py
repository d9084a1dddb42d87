"""The story of one run: its states with their times, how it ended, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, duration, fields, rows
from assembly_line.cli.overview import MACHINES
from assembly_line.errors import NotFound
from assembly_line.names import aws_name
from assembly_line.storage.services.machines import SUCCEEDED, Execution, StateVisit, execution_arn

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target

WITH_JOBS = ("training", "scoring")


def find(target: Target, run: str) -> tuple[str, Execution] | None:
    """(machine, execution) of a run id or an execution's ARN; None if no machine of the line knows it."""
    name = run.rsplit(":", 1)[-1]
    for machine, parameter in MACHINES.items():
        try:
            return machine, target.machines.describe(execution_arn(target.parameters.value(parameter), name))
        except NotFound:
            continue
    return None


def story(target: Target, run: str) -> dict[str, Any] | None:
    """What happened in a run, as JSON values; None if there is no such run."""
    found = find(target, run)
    if found is None:
        return None
    machine, execution = found
    failed = execution.stopped is not None and execution.status != SUCCEEDED
    return {
        "run_id": execution.name,
        "machine": machine,
        "status": execution.status,
        "reason": execution.reason if failed else None,
        "request": execution.request,
        "output": execution.output,
        "seconds": (execution.stopped - execution.started).total_seconds() if execution.stopped else None,
        "states": [_state(visit) for visit in target.machines.states(execution.arn)],
        "jobs": _jobs(target, execution.name) if machine in WITH_JOBS else _glue_runs(target, execution),
        "kept_aside": _kept_aside(target, execution) if machine == "scoring" else [],
    }


def draw(found: dict[str, Any]) -> Render:
    def render(console: Console) -> None:
        head = {name: found[name] for name in ("run_id", "machine", "status", "request")}
        fields({**head, "took": duration(found["seconds"])})(console)
        content = [
            (state["name"], state["entered"][11:23], duration(state["seconds"]), state["problem"] or "")
            for state in found["states"]
        ]
        rows(("state", "entered (UTC)", "took", "problem"), content)(console)
        for job in found["jobs"]:
            console.print(f"Its job {job}: `line logs {job}`", markup=False, soft_wrap=True)
        if found["kept_aside"]:
            from assembly_line.cli.kept_aside import draw_kept_aside

            draw_kept_aside(found["kept_aside"], title="\nKept aside, and delivered to nobody")(console)
        if found["reason"]:
            console.print(f"Why it failed: {found['reason']}", style="bold red", markup=False)

    return render


def _kept_aside(target: Target, execution: Execution) -> list[dict[str, Any]]:
    """The decisions that a scoring run quarantined; none where it did not come so far."""
    from assembly_line.cli.kept_aside import of_run

    try:
        return of_run(target, execution.request["line"], execution.name)
    except NotFound:
        return []


def _jobs(target: Target, run: str) -> list[str]:
    """Names of the SageMaker jobs of a run: they begin with its id."""
    sagemaker, name = target.client("sagemaker"), aws_name(run)
    training = sagemaker.list_training_jobs(NameContains=name)["TrainingJobSummaries"]
    transform = sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    return [job["TrainingJobName"] for job in training] + [job["TransformJobName"] for job in transform]


def _glue_runs(target: Target, execution: Execution) -> list[str]:
    """Ids of the Glue runs that an execution started."""
    started = target.machines.submitted(execution.arn, "glue")
    return [answer["JobRunId"] for answer in started if isinstance(answer, dict) and "JobRunId" in answer]


def _state(visit: StateVisit) -> dict[str, Any]:
    from assembly_line.instants import format_instant

    return {
        "name": visit.name,
        "entered": format_instant(visit.entered),
        "seconds": (visit.exited - visit.entered).total_seconds() if visit.exited else None,
        "problem": visit.problem,
    }
