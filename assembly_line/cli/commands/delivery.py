"""Score and deliver: predictions and actions for the decisions of a day, and later what came of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from assembly_line.cli import completing
from assembly_line.cli.commands import slots
from assembly_line.cli.options import AsOf, Engine, Line, ScoredBy, Wait, command
from assembly_line.cli.session import Session
from assembly_line.names import run_name
from assembly_line.stations import OUTCOMES, SCORING

Day = Annotated[
    str | None,
    typer.Option(
        "--date",
        metavar="DAY",
        help="Every decision of this day, in the zone of the line's decision time. By default today.",
    ),
]
Since = Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="Instead of --date: the first instant.")]
Until = Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="The first instant that is left out.")]
KnownAt = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="INSTANT",
        help="The instant of what is known. By default the end of the period, or --at if that is earlier.",
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="INSTANT",
        help="A replay of the past: when the run happens by the business clock. Otherwise now. A day begins as that of "
        "--date does.",
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Deliver although these decisions were delivered before.")]
DeliverBackfill = Annotated[
    bool,
    typer.Option("--deliver-backfill", help="Deliver although it is a backfill, which never decides."),
]


ScoringRun = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Id of the scoring run, as its report has it.", autocompletion=completing.runs),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in at least 3 characters. It is kept.")]


def register(app: typer.Typer) -> None:
    command(app, "score")(score)
    command(app, "outcomes")(derive_outcomes)
    deliveries = typer.Typer(no_args_is_help=True)
    command(deliveries, "pause")(pause_deliveries)
    command(deliveries, "resume")(resume_deliveries)
    slots.register_in(deliveries)
    dead = typer.Typer(no_args_is_help=True, help="What a channel could not take.")
    command(dead, "list")(list_dead_letters)
    command(dead, "resend")(resend_dead_letters)
    command(dead, "discard")(discard_dead_letters)
    deliveries.add_typer(dead, name="dead-letters")
    app.add_typer(deliveries, name="delivery")


def score(
    session: Session,
    line: Line,
    *,
    day: Day = None,
    since: Since = None,
    until: Until = None,
    as_of: KnownAt = None,
    at: At = None,
    again: Again = False,
    deliver_backfill: DeliverBackfill = False,
    engine: Engine = "auto",
    scored_by: ScoredBy = "auto",
    waited: Wait = True,
) -> None:
    """Score decisions with the line's champion and deliver the actions to its subscribers."""
    from assembly_line.cli.days import day_of_decisions, instant_of_line
    from assembly_line.cli.edits import warn_of_edits
    from assembly_line.cli.parsing import period
    from assembly_line.cli.runs import run
    from assembly_line.cli.scoring import settled
    from assembly_line.cli.views.deliveries import draw_scored
    from assembly_line.delivery import kept_aside
    from assembly_line.errors import RequestRefused
    from assembly_line.requests import ScoringRequest

    has_period = since is not None or until is not None
    if day is not None and has_period:
        raise RequestRefused(
            "say which decisions once: --date DAY, or --from INSTANT --to INSTANT",
            where="--date, --from, --to",
            value=f"--date {day} beside a period",
            expected="--date DAY, or --from INSTANT --to INSTANT",
        )
    warn_of_edits(session, line)
    within = period(since, until) if has_period else day_of_decisions(session.target, line, day)
    if at is not None:
        at = instant_of_line(session.target, line, at, field="--at")
    flags: dict[str, Any] = {
        "engine": engine,
        "scored_by": scored_by,
        "again": again,
        "deliver_backfill": deliver_backfill,
    }
    instants = {name: value for name, value in (("as_of", as_of), ("at", at)) if value is not None}
    request = settled(session, ScoringRequest.parse({"line": line, **flags, **within, **instants}))
    run(
        session,
        SCORING.parameter,
        run_name(line, "score", request.since),
        request,
        waited=waited,
        title=f"Scoring {line}",
        more=lambda output: kept_aside(session.target, output),
        draw=draw_scored,
    )


def derive_outcomes(session: Session, line: Line, as_of: AsOf, waited: Wait = True) -> None:
    """Derive the outcome of every scored decision that is mature by then, from the line's sources.

    A decision that was withheld has an outcome, too.
    """
    from assembly_line.cli.edits import warn_of_edits
    from assembly_line.cli.runs import require_released, run
    from assembly_line.cli.views.deliveries import draw_outcomes
    from assembly_line.requests import OutcomesRequest

    request = OutcomesRequest.parse({"line": line, "as_of": as_of})
    require_released(session, line)
    warn_of_edits(session, line)
    name = run_name(line, "outcomes", request.as_of)
    title = f"Outcomes of {line}"
    run(session, OUTCOMES.parameter, name, request, waited=waited, title=title, draw=draw_outcomes)


def pause_deliveries(session: Session, line: Line, reason: Reason) -> None:
    """Let nothing of the line leave for now. Its scoring runs wait before they deliver, and lose nothing.

    A run that is sending ends its shard. A run waits for three days at most. Then it fails, and `line redrive`
    goes on with it. You need the permissions of `line release`.
    """
    from datetime import UTC, datetime

    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.delivery import pause

    require_released(session, line)
    found = pause(session.target, line, by=session.target.caller(), reason=reason, now=datetime.now(UTC))
    session.output.result(found, fields(found))


def resume_deliveries(session: Session, line: Line) -> None:
    """Let the line deliver again. Runs that wait go on within a minute."""
    from datetime import UTC, datetime

    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.delivery import resume

    require_released(session, line)
    found = resume(session.target, line, by=session.target.caller(), now=datetime.now(UTC))
    session.output.result(found, fields(found))


def list_dead_letters(session: Session, line: Line, run: ScoringRun) -> None:
    """List the messages of a run that a channel could not take, and what became of each since."""
    from assembly_line.cli.runs import require_released
    from assembly_line.cli.views.deliveries import draw_dead_letters
    from assembly_line.delivery import dead_letters

    require_released(session, line)
    found = [one.described() for one in dead_letters(session.target, line, run)]
    session.output.result(found, draw_dead_letters(found))


def resend_dead_letters(session: Session, line: Line, run: ScoringRun) -> None:
    """Send the open dead letters of a run again, each with the body that it had. Mend the cause first.

    A decision counts as delivered from then on. Letters whose action has expired stay open. Your own permissions must
    publish to the topic of the line, and write the ledger.
    """
    from datetime import UTC, datetime

    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.delivery import resend

    require_released(session, line)
    target = session.target
    found = resend(target, line, run, account_id=target.account_id, by=target.caller(), now=datetime.now(UTC))
    session.output.result(found, fields(found))


def discard_dead_letters(session: Session, line: Line, run: ScoringRun, reason: Reason) -> None:
    """Give the open dead letters of a run up. They are kept, with who gave them up and why."""
    from datetime import UTC, datetime

    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.delivery import discard

    require_released(session, line)
    found = discard(session.target, line, run, by=session.target.caller(), reason=reason, now=datetime.now(UTC))
    session.output.result(found, fields(found))
