"""What a training run would start, as a person reads it before anything is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows

if TYPE_CHECKING:
    from rich.console import Console


def draw_planned(found: Mapping[str, Any]) -> Render:
    """Two tables: which jobs there are and why, and what each takes."""
    fits = [(job["step"], job["learns_from"], job["asked_about"]) for job in found["jobs"]]
    jobs = [
        (
            job["step"],
            job["jobs"],
            job["at_once"],
            f"{job['instance_count']} x {job['instance_type']}{' (spot)' if job['spot'] else ''}",
            str(timedelta(seconds=job["runs_seconds"])),
            str(timedelta(seconds=job["takes_seconds"])),
        )
        for job in found["jobs"]
    ]
    values = ", ".join(f"{name} {value}" for name, value in found["hyperparameters"].items())
    head = {"release": found["release"], "hyperparameters": values, "searched": ", ".join(found["search"]) or None}
    said = "Each fit is asked once, by a function or a transform job."

    def render(console: Console) -> None:
        fields(head, title=f"A run of {found['line']} starts {found['training_jobs']} training jobs")(console)
        rows(("step", "learns from", "is asked about"), fits)(console)
        rows(("step", "jobs", "at once", "instances", "runs at most", "with waits"), jobs)(console)
        for sentence in (said, *found["notes"]):
            console.print(f"- {sentence}", markup=False)

    return render
