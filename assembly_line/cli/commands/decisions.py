"""Decisions: those that were flagged or kept aside, and everything that the ledger knows of one."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import DecidedAt, Line, command
from assembly_line.cli.session import Session

Decision = Annotated[
    str, typer.Argument(metavar="DECISION", help="A decision's id, such as d1-20170712-..., or its keys: a=1,b=2.")
]
Quarantined = Annotated[
    bool, typer.Option("--quarantined", help="Scores and feedback that nobody may act on or judge by.")
]
Flagged = Annotated[bool, typer.Option("--flagged", help="Decisions with an impossible clock or a contradiction.")]
OfRun = Annotated[
    str | None,
    typer.Option("--run", metavar="RUN", help="Only those of this scoring run.", autocompletion=completing.runs),
]


def register(app: typer.Typer) -> None:
    decisions = typer.Typer(no_args_is_help=True)
    command(decisions, "list")(list_decisions)
    command(decisions, "show")(show_decision)
    app.add_typer(decisions, name="decision")


def list_decisions(
    session: Session, line: Line, *, quarantined: Quarantined = False, flagged: Flagged = False, run: OfRun = None
) -> None:
    """List decisions that were kept aside or flagged, with the reason and what to do. Without an option, list both."""
    from assembly_line.cli.runs import require_released
    from assembly_line.cli.views.decisions import draw_both
    from assembly_line.delivery import of_line
    from assembly_line.feedback import flagged_decisions

    require_released(session, line)
    both = quarantined == flagged
    kept = of_line(session.target, line, run_id=run) if quarantined or both else None
    found = flagged_decisions(session.target, line, run_id=run) if flagged or both else None
    document = {"line": line, "quarantined": kept or [], "flagged": found or []}
    session.output.result(document, draw_both(kept, found))


def show_decision(session: Session, line: Line, decision: Decision, at: DecidedAt = None) -> None:
    """Show what was predicted, delivered, done and observed of one decision.

    If you name it by keys about which decisions recur, the command shows the latest that was delivered, and lists the
    others.
    """
    from assembly_line.cli.runs import require_released
    from assembly_line.cli.views.decisions import draw_decision
    from assembly_line.feedback import described, one_decision

    require_released(session, line)
    declared = session.target.released.current(line)
    found, others = one_decision(session.target, declared, decision, at)
    session.output.result(described(found, others), draw_decision(found, others))
