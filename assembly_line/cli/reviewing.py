"""A training run from the terminal: started through the API, waited for, shown to its reviewer, decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from assembly_line.cli.output import Render, fields
from assembly_line.cli.waiting import Show, require_success, wait
from assembly_line.errors import RunFailed
from assembly_line.names import Parameter, review_item
from assembly_line.requests import ReviewRequest
from assembly_line.storage.machines import RUNNING, execution_arn

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.target import Target
    from assembly_line.requests import TrainingRequest

HEAD = ("run_id", "line", "state", "author", "reviewer", "decision", "reason")
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
    judged = ReviewRequest.parse({"decision": decision, "reason": reason})
    target.api(role).decide(line, run_id, decision=judged.decision, reason=judged.reason)
    arn = execution_arn(target.parameters.value(Parameter.TRAINING_MACHINE), run_id)
    require_success(wait(target, arn, show=show))
    review = target.control.review(line, run_id)
    return {"run_id": run_id, **{name: review[name] for name in ("decision", "author", "reviewer", "reason")}}


def draw_started(started: Mapping[str, Any]) -> Render:
    return fields({"Run": started["run_id"], "Next": f"`line logs {started['run_id']}` shows how far it is"})


def draw_decision(found: Mapping[str, Any]) -> Render:
    after = "its model decides from now on: `line score`" if found["decision"] == "approve" else "sent back"
    return fields({**found, "so": after})


def draw_review(review: Mapping[str, Any]) -> Render:
    """The review and its packet, one figure a row."""
    packet = review.get("packet", {})
    state = review.get("state", "waiting")

    def draw(console: Console) -> None:
        head = {name: review.get(name) for name in HEAD}
        fields(head, title="Review")(console)
        fields(dict(flat(packet)), title="\nWhat to judge by")(console)
        if state == "waiting":
            line, run_id = review.get("line"), review.get("run_id")
            console.print(f'\nNext: line review approve {line} {run_id} --reason "..." --as reviewer', markup=False)

    return draw


def flat(document: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested members as `outer.inner` pairs; lists as text."""
    pairs: list[tuple[str, Any]] = []
    for name, value in document.items():
        if isinstance(value, Mapping):
            pairs += flat(value, f"{prefix}{name}.")
        else:
            pairs.append((f"{prefix}{name}", ", ".join(map(short, value)) if isinstance(value, list) else value))
    return pairs


def short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
