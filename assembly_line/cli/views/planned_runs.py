"""What a training run would start, as a person reads it before anything is paid for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows

if TYPE_CHECKING:
    from rich.console import Console


def draw_planned(found: Mapping[str, Any]) -> Render:
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

    def render(console: Console) -> None:
        fields(head, title=f"A run of {found['line']} would start")(console)
        columns = ("step", "jobs", "at once", "instances", "runs at most", "with waits")
        rows(columns, jobs)(console)
        for sentence in found["notes"]:
            console.print(f"- {sentence}", markup=False)

    return render
