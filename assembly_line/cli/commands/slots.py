"""What is due: the slots of a line, looking for them now, filling in the past, and giving a consumer a batch again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

First = Annotated[
    str | None, typer.Option("--from", metavar="DAY", help="The first day, in UTC. By default a week ago.")
]
Last = Annotated[str | None, typer.Option("--until", metavar="DAY", help="The last day, in UTC. By default today.")]
FirstFilled = Annotated[str, typer.Option("--from", metavar="DAY", help="The first day, in the zone of the cadence.")]
LastFilled = Annotated[str, typer.Option("--until", metavar="DAY", help="The last day, in the zone of the cadence.")]
Told = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="INSTANT|DAY",
        help="Tell the clock an instant of the past: a replay, whose runs happen at their slots. A day begins as that "
        "of the decisions does.",
    ),
]
DeliverBackfill = Annotated[
    bool, typer.Option("--deliver-backfill", help="Deliver what is filled in, which never decides.")
]
Consumer = Annotated[
    str,
    typer.Option(
        "--consumer",
        metavar="NAME",
        help="The subscriber that gets the batch again.",
        autocompletion=completing.consumers,
    ),
]
Batch = Annotated[
    str,
    typer.Option(
        "--batch", metavar="RUN", help="Id of the scoring run that delivered it.", autocompletion=completing.runs
    ),
]
DAYS_SHOWN = 7


def register_in(deliveries: typer.Typer) -> None:
    command(deliveries, "slots")(list_slots)
    command(deliveries, "due")(look_now)
    command(deliveries, "backfill")(fill_in_slots)
    command(deliveries, "redeliver")(redeliver_batch)
    command(deliveries, "reconcile")(reconcile_deliveries)


def list_slots(session: Session, line: Line, first: First = None, last: Last = None) -> None:
    """List the slots of the last days: what was due, what ran for it, and what it delivered, or why it did not."""
    from datetime import UTC, datetime, timedelta

    from assembly_line.cli.views.deliveries import draw_slots
    from assembly_line.delivery import slots_of
    from assembly_line.instants import day_end, day_start, parse_day

    now = datetime.now(UTC)
    until = day_end(parse_day(last, field="--until") if last else now.date(), "UTC")
    since = day_start(parse_day(first, field="--from"), "UTC") if first else until - timedelta(days=DAYS_SHOWN)
    found = slots_of(session.target, line, since=since, until=until, now=now)
    session.output.result(found, draw_slots(found))


def look_now(session: Session, line: Line, at: Told = None) -> None:
    """Start what is due now, as the schedule does. A slot runs once, however often you look.

    In the embedded AWS no schedule runs: this command is its clock. You need the permissions of a scientist.
    """
    from assembly_line.cli.days import instant_of_line

    told = None if at is None else instant_of_line(session.target, line, at, field="--at")
    _ask(session, line, {} if told is None else {"at": told})


def fill_in_slots(
    session: Session, line: Line, first: FirstFilled, last: LastFilled, deliver_backfill: DeliverBackfill = False
) -> None:
    """Score the past slots of some days that never ran, each as of its own instant.

    They are labelled as a backfill and never decide. Nothing is delivered of them unless you ask for it.
    """
    _ask(session, line, {"backfill": {"from": first, "until": last, "deliver": deliver_backfill}})


def redeliver_batch(session: Session, line: Line, consumer: Consumer, batch: Batch) -> None:
    """Give one subscriber the messages of a batch again, each with the body that it had. Nobody else gets them.

    Consumers apply a revision once. The filter of the subscriber holds, and expired messages are left out. Your own
    permissions must send to its queue, and write the ledger.
    """
    from datetime import UTC, datetime

    from assembly_line.cli.commands.consumers import places_of
    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.delivery import redeliver

    require_released(session, line)
    places = places_of(session, line)
    found = redeliver(session.target, line, batch, consumer=consumer, places=places, now=datetime.now(UTC))
    session.output.result(found, fields(found))


def reconcile_deliveries(session: Session, line: Line) -> None:
    """Compare what the runs of the last four days predicted with what each channel took, decision by decision.

    The ledger's function does so once a day, and an alarm rings on a difference. Runs of the last two hours are left
    out, as they may still be sending.
    """
    from datetime import UTC, datetime

    from assembly_line.cli.runs import require_released
    from assembly_line.cli.views.deliveries import draw_reconciled
    from assembly_line.ledger import reconcile

    require_released(session, line)
    found = reconcile(session.target, line, datetime.now(UTC))
    session.output.result(found, draw_reconciled(found))


def _ask(session: Session, line: str, event: dict[str, Any]) -> None:
    from assembly_line.cli.runs import require_released
    from assembly_line.cli.views.deliveries import draw_look
    from assembly_line.names import slots_function

    require_released(session, line)
    target = session.target
    found = target.functions.call(slots_function(target.environment), {"line": line, **event})
    session.output.result(found, draw_look(found))
