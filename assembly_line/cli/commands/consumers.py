"""The consumers of a line: add one, look at all, prove that messages arrive, take one away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

if TYPE_CHECKING:
    from assembly_line.delivery import ConsumerPlace

New = Annotated[
    str,
    typer.Argument(metavar="NEW", help="Name of the consumer, such as crm: letters, digits, _ or -."),
]
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="Name of the consumer, as `line consumers list` shows it.",
        autocompletion=completing.consumers,
    ),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True)
    command(group, "add")(add)
    command(group, "list")(show)
    command(group, "probe")(send_probe)
    command(group, "remove")(remove)
    app.add_typer(group, name="consumers")


def add(
    session: Session,
    line: Line,
    name: New,
    *,
    actor: Annotated[str, typer.Option("--actor", help="Who acts on the predictions: human or machine.")] = "machine",
    level: Annotated[str, typer.Option("--level", help="operational, tactical or strategic.")] = "operational",
    freshness: Annotated[
        str | None,
        typer.Option(
            "--freshness", metavar="TIME", help="How long a message may lie in the queue before an alarm, such as 15m."
        ),
    ] = None,
    backlog: Annotated[
        int | None, typer.Option("--backlog", metavar="N", help="How many messages may lie there before an alarm.")
    ] = None,
    owner: Annotated[str | None, typer.Option("--owner", help="Who answers for the consumer, for people.")] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="NAME=VALUE",
            help="Only messages with this action, arm, model or segment. Repeat it for further values.",
        ),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option("--score", metavar="LOW:HIGH", help="Only scores from LOW to HIGH. One of both may be left out."),
    ] = None,
    receives: Annotated[str, typer.Option("--receives", help="predictions, batches or both.")] = "predictions",
    yes: Annotated[
        bool, typer.Option("--yes", help="Widen permissions in an account without asking. Needed without a terminal.")
    ] = False,
) -> None:
    """Add a consumer: an encrypted queue with dead letters, subscribed to the line, with its filter and its alarms.

    It is a stack of its own. Once that is deployed, a probe is sent. The consumer is live when the probe has arrived.
    Add it again to change it.
    """
    from assembly_line.cli.environments.consumer_stacks import deploy_consumer
    from assembly_line.cli.output import fields
    from assembly_line.cli.parsing import conditions, score_band, span
    from assembly_line.declarations.delivery.subscribers import Subscriber
    from assembly_line.delivery import check_new_consumer, probe

    consumer = Subscriber(
        name=name,
        actor=actor,  # type: ignore[arg-type] # Subscriber refuses any other word
        level=level,  # type: ignore[arg-type]
        freshness=None if freshness is None else span("--freshness", freshness),
        backlog=backlog,
        owner=owner,
        where=conditions(where or []),
        score=score_band(score),
        receives=receives,  # type: ignore[arg-type]
    )
    target = session.target
    check_new_consumer(target, line, consumer, places_of(session, line))
    session.output.note(f"Deploying the stack of {name} ...")
    deploy_consumer(session, line, consumer, approved=yes)
    session.output.note("Sending a probe ...")
    place = _place(session, line, name, anew=True)
    told = probe(target, line, place, account_id=target.account_id, by=target.caller(), now=lambda: datetime.now(UTC))
    found = {**told, "queue_url": place.queue_url, "filter": consumer.filter_policy()}
    session.output.result(found, fields(_shown(found)))


def show(session: Session, line: Line) -> None:
    """List the consumers of a line: live or not, what each gets, and what waits in its queue."""
    from assembly_line.cli.runs import require_released
    from assembly_line.cli.views.deliveries import draw_consumers
    from assembly_line.delivery import consumers

    require_released(session, line)
    found = consumers(session.target, line, places_of(session, line), account_id=session.target.account_id)
    described = [one.described() for one in found]
    session.output.result(described, draw_consumers(described))


def send_probe(session: Session, line: Line, name: Name) -> None:
    """Send a message that only this consumer gets, and wait until it lies in its queue.

    A look at the queue counts as one receive of each message there. Stop the application for the moment, or it may take
    the probe.
    """
    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.delivery import probe

    require_released(session, line)
    target = session.target
    place = _place(session, line, name)
    told = probe(target, line, place, account_id=target.account_id, by=target.caller(), now=lambda: datetime.now(UTC))
    session.output.result(told, fields(_shown(told)))


def remove(session: Session, line: Line, name: Name) -> None:
    """Take a consumer away that was added: its stack goes, with its queue and all that nobody read."""
    from assembly_line.cli.output import fields
    from assembly_line.delivery import remove_consumer

    target = session.target
    place = _place(session, line, name)
    found = remove_consumer(target, line, place, by=target.caller(), now=datetime.now(UTC))
    session.output.result(found, fields(_shown(found)))


def places_of(session: Session, line: str, *, anew: bool = False) -> dict[str, ConsumerPlace]:
    """Every consumer of the line, as the stacks published it.

    Args:
        anew: look again at what is published, because something was deployed meanwhile.
    """
    from assembly_line.delivery import ConsumerPlace
    from assembly_line.storage import Parameters

    target = session.target
    parameters = Parameters(target.client("ssm"), target.environment) if anew else target.parameters
    added = parameters.added_consumers(line)
    return {
        name: ConsumerPlace(
            name=name,
            queue_url=target.queue_url(url),
            dead_letters_url=target.queue_url(parameters.subscriber_dead_letters(line, name)),
            added=added.get(name),
        )
        for name, url in parameters.subscriber_queues(line).items()
    }


def _place(session: Session, line: str, name: str, *, anew: bool = False) -> ConsumerPlace:
    from assembly_line.errors import NotFound

    places = places_of(session, line, anew=anew)
    if name not in places:
        known = ", ".join(sorted(places)) or "none"
        raise NotFound(f"line {line!r} has no consumer {name!r} here; there are: {known}")
    return places[name]


def _shown(found: dict[str, object]) -> dict[str, object]:
    return {name.replace("_", " ").capitalize(): value for name, value in found.items()}
