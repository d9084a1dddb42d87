"""A scoring run from the terminal: what it means is said, and asked for, before it starts."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from assembly_line.delivery import data_as_of, standing_of
from assembly_line.instants import format_instant

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.requests import ScoringRequest


def settled(session: Session, request: ScoringRequest) -> ScoringRequest:
    """The request as it is started: a person at a terminal is asked before decisions are delivered anew.

    Raises:
        NotFound: the line was never released, or has no champion.
        RequestRefused: everything has expired, or decisions would be delivered anew and nobody was there to ask.
    """
    standing = standing_of(session.target, request, now=datetime.now(UTC))
    if standing.again and not standing.withheld and not request.again and _somebody_is_there(session):
        session.output.note(f"{standing.asked()[:1].upper()}{standing.asked()[1:]}.")
        if not typer.confirm("Deliver them anew?", err=True):
            session.output.note("Nothing was started.")
            raise typer.Exit
        request = request.model_copy(update={"again": True})
    standing.require_asked(request)
    if request.at is not None and data_as_of(request) < request.until:
        session.output.note(f"Scored are the decisions up to {format_instant(data_as_of(request))}, and as of then.")
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
