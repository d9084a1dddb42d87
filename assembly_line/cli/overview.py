"""What there is: for each line its release, its champion, what waits for a review, and the latest executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields, rows
from assembly_line.errors import NotFound
from assembly_line.names import ControlKey, Parameter, is_child
from assembly_line.storage.services.machines import RUNNING, execution_arn

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
LOOKED_AT = 50


def overview(target: Target) -> dict[str, Any]:
    return {
        "target": target.where,
        "environment": target.environment,
        "feedback_queue": target.queue_url(target.parameters.value(Parameter.FEEDBACK_QUEUE)),
        "lines": [_line(target, name) for name in target.control.lines()],
        "executions": [
            {"machine": machine, "name": name, "status": status}
            for machine, parameter in MACHINES.items()
            for name, status in _latest(target, parameter)
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
                    "Release": line["release"][:12],
                    "Champion": line["champion"] or f"none yet: `line train {line['line']}`, then `line review`",
                    "Since": line["promoted_at"],
                    "Waiting for a review": "\n".join(line["waiting_for_review"]) or "nothing",
                    "Ended unreviewed": "\n".join(line["ended_unreviewed"]) or None,
                    **{f"Queue of {name}": url for name, url in line["subscribers"].items()},
                },
                title=f"Line {line['line']}",
            )(console)
        fields({"Feedback queue": found["feedback_queue"]}, title="\nOf all lines")(console)
        if found["executions"]:
            content = [(run["machine"], run["name"], run["status"]) for run in found["executions"]]
            rows(("machine", "execution", "status"), content, title="\nLatest executions")(console)

    return draw


def _latest(target: Target, machine: Parameter) -> list[tuple[str, str]]:
    """Names and statuses, the newest first. Datasets that a run had built for it are the run's own."""
    found = target.machines.recent(target.parameters.value(machine), limit=LOOKED_AT)
    return [(name, status) for name, status in found if not is_child(name)][:SHOWN]


def _line(target: Target, name: str) -> dict[str, Any]:
    control = target.control
    try:
        champion: dict[str, Any] = control.champion(name)
    except NotFound:
        champion = {}
    undecided = [review["run_id"] for review in control.reviews(name) if review["state"] == "waiting"]
    ended = [run for run in undecided if _has_ended(target, run)]
    return {
        "line": name,
        "release": str((control.read(name, ControlKey.CURRENT_RELEASE) or {}).get("digest", "")),
        "champion": champion.get("run_id"),
        "promoted_at": champion.get("promoted_at"),
        "waiting_for_review": [run for run in undecided if run not in ended],
        "ended_unreviewed": ended,
        "subscribers": {
            subscriber: target.queue_url(url) for subscriber, url in target.parameters.subscriber_queues(name).items()
        },
    }


def _has_ended(target: Target, run: str) -> bool:
    """Whether nobody waits for the judgement any more: the run was stopped, or failed meanwhile."""
    arn = execution_arn(target.parameters.value(Parameter.TRAINING_MACHINE), run)
    try:
        return target.machines.describe(arn).status != RUNNING
    except NotFound:
        return False
