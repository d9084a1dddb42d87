"""What there is: for each line its release, its champion, what waits for a review, and the latest executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.errors import NotFound
from assembly_line.names import ControlKey, Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target

MACHINES = {
    "dataset": Parameter.DATASET_MACHINE,
    "training": Parameter.TRAINING_MACHINE,
    "scoring": Parameter.SCORING_MACHINE,
    "outcomes": Parameter.OUTCOMES_MACHINE,
}
SHOWN = 5
CHILD_SUFFIX = "-dataset"


def overview(target: Target) -> dict[str, Any]:
    return {
        "target": target.where,
        "environment": target.environment,
        "lines": [_line(target, name) for name in target.control.lines()],
        "executions": [
            {"machine": machine, "name": name, "status": status}
            for machine, parameter in MACHINES.items()
            for name, status in target.machines.recent(target.parameters.value(parameter), limit=SHOWN)
        ],
    }


def render(found: dict[str, Any]) -> Render:
    """Draw the overview for a person."""

    def draw(console: Console) -> None:
        if not found["lines"]:
            console.print("No line is released here yet; run `line deploy`.")
        for line in found["lines"]:
            fields(
                {
                    "Release": line["release"],
                    "Champion": line["champion"] or "none yet: `line train`, then `line review`",
                    "Since": line["promoted_at"],
                    "Waiting for a review": "\n".join(line["waiting_for_review"]) or "nothing",
                },
                title=f"Line {line['line']}",
            )(console)
        # Datasets that a run had built for it are the run's own.
        own = [run for run in found["executions"] if not run["name"].endswith(CHILD_SUFFIX)]
        if own:
            content = [(run["machine"], run["name"], run["status"]) for run in own]
            rows(("machine", "execution", "status"), content, title="\nLatest executions")(console)

    return draw


def _line(target: Target, name: str) -> dict[str, Any]:
    control = target.control
    try:
        champion: dict[str, Any] = control.champion(name)
    except NotFound:
        champion = {}
    waiting = [review["run_id"] for review in control.reviews(name) if review["state"] == "waiting"]
    return {
        "line": name,
        "release": str((control.read(name, ControlKey.CURRENT_RELEASE) or {}).get("digest", "")),
        "champion": champion.get("run_id"),
        "promoted_at": champion.get("promoted_at"),
        "waiting_for_review": waiting,
    }
