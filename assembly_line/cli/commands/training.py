"""Train and review: a run waits until somebody else than its author has judged it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import AsOfOrNow, Engine, Line, Run, ScoredBy, Wait, command
from assembly_line.cli.session import Session

Hyperparameters = Annotated[
    list[str] | None,
    typer.Option("--hyperparameter", metavar="NAME=VALUE", help="Replaces a declared one. May be given several times."),
]
Explain = Annotated[
    bool,
    typer.Option("--explain", help="Show the jobs of the run, what each learns from, and its limits. Start nothing."),
]
RolledBackTo = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="RUN",
        help="An approved run. By default the one that the champion took over from.",
        autocompletion=completing.reviewed_runs,
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in at least 3 characters. It is kept for good.")
]

Packet = Annotated[
    str | None,
    typer.Option(
        "--packet",
        metavar="DIGEST",
        help="The packet that you judged, as `line review show` names it. By default the one that is stored now.",
        autocompletion=completing.packets,
    ),
]
To = Annotated[Path, typer.Option("--to", metavar="FILE", dir_okay=False, help="Where the page is written.")]


def register(app: typer.Typer) -> None:
    command(app, "train")(train)
    reviews = typer.Typer(no_args_is_help=True)
    command(reviews, "list")(list_reviews)
    command(reviews, "show")(show_review)
    command(reviews, "page")(write_page)
    command(reviews, "approve")(approve)
    command(reviews, "reject")(reject)
    app.add_typer(reviews, name="review")
    champions = typer.Typer(no_args_is_help=True)
    command(champions, "show")(show_champion)
    command(champions, "rollback")(roll_back)
    app.add_typer(champions, name="champion")


def train(
    session: Session,
    line: Line,
    *,
    as_of: AsOfOrNow = None,
    hyperparameters: Hyperparameters = None,
    engine: Engine = "auto",
    scored_by: ScoredBy = "auto",
    explain: Explain = False,
    waited: Wait = True,
) -> None:
    """Train on what was known then, evaluate on later time, and register. Then the run waits for a review."""
    from assembly_line.cli import reviewing
    from assembly_line.cli.edits import warn_of_edits
    from assembly_line.cli.parsing import pairs
    from assembly_line.cli.views.planned_runs import draw_planned
    from assembly_line.cli.views.reviews import draw_review, draw_started
    from assembly_line.cli.waiting import progress
    from assembly_line.instants import format_instant
    from assembly_line.requests import TrainingRequest
    from assembly_line.training import runs

    warn_of_edits(session, line)
    known = as_of or format_instant(datetime.now(UTC))
    chosen = {"hyperparameters": pairs(hyperparameters or []), "engine": engine, "scored_by": scored_by}
    request = TrainingRequest.parse({"line": line, "as_of": known, **chosen})
    if explain:
        found = runs.planned(session.target, request)
        session.output.result(found, draw_planned(found))
        return
    started = reviewing.start(session.target, request, session.options.role)
    session.output.note(f"Run {started['run_id']}.")
    if not waited:
        session.output.result(started, draw_started(started))
        return
    with progress(session.output, f"Training {line}") as show:
        packet = reviewing.wait_until_review(session.target, line, started, show)
    session.output.result(packet, draw_review(packet))


def list_reviews(session: Session, line: Line) -> None:
    """List the runs of a line that wait for a review, and those that were judged."""
    from assembly_line.cli.views.reviews import draw_reviews
    from assembly_line.training import listed

    found = listed(session.target, line)
    session.output.result(found, draw_reviews(found))


def show_review(session: Session, line: Line, run: Run) -> None:
    """Show what the reviewer judges by: the run's figures, its data, and its limitations."""
    from assembly_line.cli.views.reviews import draw_review

    found = session.target.api(session.options.role).review(line, run)
    session.output.result(found, draw_review(found))


def write_page(session: Session, line: Line, run: Run, to: To = Path("review.html")) -> None:
    """Write the review packet as one HTML page, to present, print and defend.

    The page needs nothing else, neither network nor script. Its plots need the extra `plots`.
    """
    from assembly_line.cli.output import fields
    from assembly_line.training import packet_page

    written = packet_page(session.target.api(session.options.role).review(line, run))
    to.write_text(written, encoding="utf-8")
    document = {"run_id": run, "page": str(to.resolve()), "bytes": len(written.encode())}
    session.output.result(document, fields({"Run": run, "Page": document["page"]}))


def approve(session: Session, line: Line, run: Run, reason: Reason, packet: Packet = None) -> None:
    """Approve a run: its model becomes the champion, which decides from now on.

    Under the risk tier `high`, it takes the approval of two people.
    """
    _decide(session, line, run, decision="approve", reason=reason, packet=packet)


def reject(session: Session, line: Line, run: Run, reason: Reason, packet: Packet = None) -> None:
    """Send a run back: its model is kept, marked as rejected, and never scores."""
    _decide(session, line, run, decision="reject", reason=reason, packet=packet)


def show_champion(session: Session, line: Line) -> None:
    """Show the run that decides, since when, who approved it, and the runs that were approved before."""
    from assembly_line.cli.views.champions import draw_champion
    from assembly_line.training import champion_and_approved

    found = champion_and_approved(session.target, line)
    session.output.result(found, draw_champion(found))


def roll_back(session: Session, line: Line, reason: Reason, to: RolledBackTo = None) -> None:
    """Let the run decide again that decided before the champion, or a named one that was approved."""
    from assembly_line.cli import reviewing
    from assembly_line.cli.views.champions import draw_rollback

    found = reviewing.roll_back(session.target, line, to=to, reason=reason, role=session.options.role)
    session.output.result(found, draw_rollback(found))


def _decide(session: Session, line: str, run: str, *, decision: str, reason: str, packet: str | None) -> None:
    from assembly_line.cli import reviewing
    from assembly_line.cli.views.reviews import draw_decision
    from assembly_line.cli.waiting import progress

    role = session.options.role
    with progress(session.output, f"Run {run}") as show:
        found = reviewing.judge(
            session.target, line, run, decision=decision, reason=reason, packet=packet, role=role, show=show
        )
    session.output.result(found, draw_decision(found, line))
