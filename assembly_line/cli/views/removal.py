"""How a removal is shown: what goes, what stays, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.cli.output import Render, fields, rows

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.removal.environments import Destroyed, Plan
    from assembly_line.removal.keeping import Kept
    from assembly_line.removal.lines import RemovedLine

# Neither a stack nor the line makes these, so neither can take them away.
NOT_OURS = (
    "The CDK's own stack and its bucket stay: other apps of the account use them.",
    "Log groups that Glue and SageMaker made themselves stay (/aws-glue/, /aws/sagemaker/).",
    "Keys that go are deleted after 30 days, and cost nothing until then.",
)


def told(environment: str, planned: Plan) -> Iterator[str]:
    """What `line destroy` says before it asks."""
    if not planned.stacks:
        yield f"Environment {environment} has no stacks."
    else:
        yield f"These stacks of environment {environment} will be deleted: {', '.join(planned.stacks)}."
    if planned.emptied:
        yield f"These buckets will be emptied for good, with every old version: {', '.join(planned.emptied)}."
    for each in planned.kept:
        yield f"Stays: {each.what} {each.where} ({_cost(each)})."
    if planned.kept:
        yield f"What stays costs about {planned.usd:.2f} USD a month, as far as it is known."


def draw_removed(removed: RemovedLine, declared: Path | None) -> Render:
    """Args: `declared`: its folder, if that is still there."""
    unread = {name: number for name, number in removed.unread.items() if number}
    again = f"`line deploy` adds {removed.line} again, because {declared} is there" if declared else None
    shown = {
        "Line": removed.line,
        "Deleted": removed.stack or "nothing; its stack was gone",
        "Unread messages that went with their queues": unread or None,
        "Refused from now on": "datasets, training and scoring of this line",
        "Next": again,
    }
    return _with_kept(fields(shown), removed.kept)


def draw_destroyed(destroyed: Destroyed) -> Render:
    shown = {
        "Environment": destroyed.environment,
        "Deleted": ", ".join(destroyed.stacks) or "nothing; no stack was there",
        "Emptied": ", ".join(f"{bucket}: {number}" for bucket, number in destroyed.emptied.items()) or None,
    }
    return _with_kept(fields(shown), destroyed.kept, NOT_OURS)


def _with_kept(first: Render, kept: Sequence[Kept], besides: Sequence[str] = ()) -> Render:
    content = [[each.what, each.where, _usd(each), each.note or None] for each in kept]
    usd = sum(each.usd or 0.0 for each in kept)

    def render(console: Console) -> None:
        first(console)
        if content:
            rows(["Stays", "Where", "USD a month", "Note"], content, title=f"Stays: about {usd:.2f} USD a month")(
                console
            )
        for sentence in besides:
            console.print(f"- {sentence}", markup=False, soft_wrap=True)

    return render


def _usd(kept: Kept) -> str:
    return "by size" if kept.usd is None else f"{kept.usd:.2f}"


def _cost(kept: Kept) -> str:
    price = "costs by its size" if kept.usd is None else f"{kept.usd:.2f} USD a month"
    return f"{price}; {kept.note}" if kept.note else price
