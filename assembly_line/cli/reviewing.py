"""A training run from the terminal: started through the API, waited for, shown to its reviewer, decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.history import figure, interval
from assembly_line.cli.output import Render, fields
from assembly_line.cli.waiting import Show, require_success, wait
from assembly_line.errors import RunFailed
from assembly_line.names import ControlKey, Parameter, review_item
from assembly_line.storage.services.machines import RUNNING, execution_arn

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target
    from assembly_line.requests import TrainingRequest

HEAD = ("line", "author", "reviewer", "decision", "reason")
SECRET = "token"  # noqa: S105 - the name of a member that is never shown


def start(target: Target, request: TrainingRequest, role: str | None) -> dict[str, Any]:
    """Start a run through the API, so that its author is known."""
    content = request.to_json()
    line = content.pop("line")
    return target.api(role).start_training(line, content)


def wait_until_review(target: Target, line: str, started: Mapping[str, Any], show: Show) -> dict[str, Any]:
    """Wait until the run waits for its review (or is over), and return that review.

    Raises:
        RunFailed: the run ended without one.
    """
    run_id, control = started["run_id"], target.control

    def waiting() -> bool:
        return control.read(line, review_item(run_id)) is not None

    found = wait(target, started["execution_arn"], show=show, until=waiting)
    if found.status != RUNNING:
        require_success(found)
    review = control.read(line, review_item(run_id))
    if review is None:
        raise RunFailed(f"run {run_id} ended without a review; `line logs {run_id}` shows more")
    return {name: value for name, value in review.items() if name != SECRET}


def judge(
    target: Target, line: str, run_id: str, *, decision: str, reason: str, role: str | None, show: Show
) -> dict[str, Any]:
    """Record the judgement, then wait until the run has drawn its conclusion.

    Raises:
        NotPermitted: the reviewer is the author.
        Conflict: it was decided before.
        RunFailed: the run failed after the decision.
    """
    from assembly_line.requests import ReviewRequest

    judged = ReviewRequest.parse({"decision": decision, "reason": reason})
    target.api(role).decide(line, run_id, decision=judged.decision, reason=judged.reason)
    arn = execution_arn(target.parameters.value(Parameter.TRAINING_MACHINE), run_id)
    require_success(wait(target, arn, show=show))
    review = target.control.review(line, run_id)
    deciding = target.control.read(line, ControlKey.CHAMPION) or {}
    said = {name: review[name] for name in ("decision", "author", "reviewer", "reason")}
    return {"run_id": run_id, **said, "champion": deciding.get("run_id")}


def draw_started(started: Mapping[str, Any]) -> Render:
    return fields({"Run": started["run_id"], "Next": f"`line logs {started['run_id']}` shows how far it is"})


def draw_decision(found: Mapping[str, Any]) -> Render:
    return fields({**found, "so": _after(found)})


def _after(found: Mapping[str, Any]) -> str:
    if found["decision"] != "approve":
        return "sent back"
    if found["champion"] == found["run_id"]:
        return "its model decides from now on: `line score`"
    return f"run {found['champion']} was promoted later, and goes on deciding"


def draw_review(review: Mapping[str, Any]) -> Render:
    """The review: who, how good, on what data, what speaks against it."""
    packet = review["packet"]

    def draw(console: Console) -> None:
        fields({name: review.get(name) for name in HEAD}, title=f"Run {review['run_id']}, {review['state']}")(console)
        fields(_figures(packet["metrics"]), title="\nJudged on later decisions")(console)
        fields(_data(packet), title="\nData and recipe")(console)
        told = {
            "Notes": packet["notes"],
            "Warnings of the dataset": packet.get("warnings"),
            "Limitations": packet["limitations"],
        }
        for title, sentences in told.items():
            if sentences:
                console.print(f"\n{title}", style="italic")
            for sentence in sentences or ():
                console.print(f"- {sentence}", markup=False)
        if review["state"] == "waiting":
            command = f'line review approve {review["line"]} {review["run_id"]} --reason "..." --as reviewer'
            console.print(f"\nNext: {command}", markup=False, soft_wrap=True)

    return draw


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    positives = f"{metrics['positives']:,} positive"
    return {
        "decisions": f"{metrics['rows']:,}, {positives}",
        "AUC": f"{figure(metrics['auc'])} ({interval(metrics['auc_interval'])})",
        f"rule by {metrics['baseline_feature']}": f"AUC {figure(metrics['baseline_auc'])}",
        "present champion": None if metrics.get("champion_auc") is None else f"AUC {figure(metrics['champion_auc'])}",
        "log loss": f"{metrics['log_loss']:.4f}; of the training rate for everyone {metrics['prior_log_loss']:.4f}",
    }


def _data(packet: Mapping[str, Any]) -> dict[str, Any]:
    left_out = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in packet["excluded"].items() if count)
    champion = packet["champion"]
    return {
        "as of": packet["as_of"],
        "dataset": packet["dataset_id"],
        "rows": f"{packet['rows']:,}; left out: {left_out or 'none'}",
        "features": ", ".join(packet["features"]),
        "hyperparameters": ", ".join(f"{name} {value}" for name, value in packet["hyperparameters"].items()),
        "release": packet["release"],
        "model's digest": packet["digest"],
        "champion now": champion["run_id"] if champion else "none",
    }
