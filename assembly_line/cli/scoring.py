"""A scoring run from the terminal: what it means before it starts, and what was kept aside when it has ended."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from assembly_line.cli.days import released_line
from assembly_line.cli.kept_aside import draw_kept_aside, of_run
from assembly_line.cli.output import Render, fields
from assembly_line.delivery.run_standing import require_worth_acting
from assembly_line.storage.datasets.datasets import DatasetStore
from assembly_line.storage.ledger.scored_periods import ScoredPeriods

if TYPE_CHECKING:
    from rich.console import Console

    from assembly_line.cli.session import Session
    from assembly_line.cli.target import Target
    from assembly_line.requests import ScoringRequest

# Kept-aside decisions that a run shows by itself; `line decision list` shows all.
SHOWN = 10


def settled(session: Session, request: ScoringRequest) -> ScoringRequest:
    """The request as it is started: a person at a terminal is asked before decisions are delivered anew.

    Raises:
        NotFound: the line was never released, or has no champion.
        RequestRefused: everything has expired, or decisions would be delivered anew and nobody was there to ask.
    """
    target = session.target
    line, champion = released_line(target, request.line), target.control.champion(request.line)
    periods = ScoredPeriods(target.control, DatasetStore(target.store))
    standing = periods.standing(request, champion, now=datetime.now(UTC))
    require_worth_acting(request, instant=standing.instant, expires_after=line.policy.expires_after)
    if standing.again and not standing.withheld and not request.again and _somebody_is_there(session):
        session.output.note(f"{standing.asked()[:1].upper()}{standing.asked()[1:]}.")
        if not typer.confirm("Deliver them anew?", err=True):
            session.output.note("Nothing was started.")
            raise typer.Exit
        request = request.model_copy(update={"again": True})
    standing.require_asked(request)
    for words in standing.backfill.values():
        session.output.note(
            f"This run is a backfill: {words}. It never counts as having decided, and {_fate(request)}."
        )
    return request


def _fate(request: ScoringRequest) -> str:
    """What is delivered of a backfill."""
    if request.deliver_backfill:
        return "is delivered as you asked"
    return (
        f"delivers nothing; --deliver-backfill delivers it{'; --again alone changes nothing' if request.again else ''}"
    )


def _somebody_is_there(session: Session) -> bool:
    return not session.output.machine_readable and sys.stdin.isatty() and session.output.errors.is_terminal


def kept_aside(target: Target, output: Mapping[str, Any]) -> dict[str, Any]:
    """What a scoring run's output leaves to a file: the first decisions that it kept aside, and why."""
    if not output.get("quarantined"):
        return {}
    return {"kept_aside": of_run(target, output["line"], output["run_id"])[:SHOWN]}


def draw_scored(found: Mapping[str, Any]) -> Render:
    def render(console: Console) -> None:
        fields({name: value for name, value in found.items() if name != "kept_aside"})(console)
        if "kept_aside" in found:
            draw_kept_aside(found["kept_aside"], title="\nKept aside, and delivered to nobody")(console)
            more = f"line decision list {found['line']} --quarantined --run {found['run_id']}"
            console.print(f"All of them: `{more}`", markup=False, soft_wrap=True)

    return render
