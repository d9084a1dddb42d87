"""Take away what was deployed: one line, or a whole environment."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

if TYPE_CHECKING:
    from assembly_line.removal.environments import Plan

CONFIRM = Annotated[
    str | None,
    typer.Option(
        "--confirm", metavar="ENVIRONMENT", help="Name of the environment, instead of typing it. Needed in a script."
    ),
]


def register(app: typer.Typer) -> None:
    command(app, "remove")(remove)
    command(app, "destroy")(destroy)


def remove(session: Session, line: Line) -> None:
    """Take a line away: its requests are refused from now on, and its stack goes. Its history stays.

    Ledger, datasets, runs and model registry are never deleted. A line that is deployed again under the same name
    takes them up. The command refuses while work of the line is open, and names that work.
    """
    from assembly_line.cli.views.removal import draw_removed
    from assembly_line.removal.lines import remove_line

    target = session.target
    _forget_deployment(session)
    removed = remove_line(target, line, by=target.caller(), now=datetime.now(UTC), queues=_queues(session, line))
    declared = session.lines / line
    session.output.result(removed.document(), draw_removed(removed, declared if declared.is_dir() else None))


def destroy(session: Session, confirm: CONFIRM = None) -> None:
    """Take an environment away: all its stacks, and its data unless the setting `keep_data` is true.

    The command says first what goes, what stays and what that costs. You then type the environment's name. It refuses
    while work is open, and names that work. Interrupted, it goes on when you run it again.
    """
    from assembly_line.cli.environments.environment_settings import setting
    from assembly_line.cli.views.removal import draw_destroyed
    from assembly_line.removal import environments

    keep_data = bool(setting(session.environment, "keep_data"))
    planned = environments.plan(session.target, keep_data=keep_data)
    _confirm(session, planned, confirm)
    _forget_deployment(session)
    destroyed = environments.destroy(session.target, keep_data=keep_data, report=session.output.note)
    session.output.result(destroyed.document(), draw_destroyed(destroyed))


def _queues(session: Session, line: str) -> dict[str, str]:
    """What may hold messages that nobody read -> the queue's URL."""
    target = session.target
    inboxes = target.parameters.subscriber_queues(line)
    dead = {name: target.parameters.subscriber_dead_letters(line, name) for name in inboxes}
    found = {**inboxes, **{f"{name}, dead letters": url for name, url in dead.items()}}
    return {name: target.queue_url(url) for name, url in found.items()}


def _confirm(session: Session, planned: Plan, given: str | None) -> None:
    from assembly_line.cli.views.removal import told
    from assembly_line.errors import RequestRefused

    for sentence in told(session.environment, planned):
        session.output.note(sentence)
    if given is None and sys.stdin.isatty():
        given = typer.prompt("Type the name of the environment to destroy it", err=True)
    if given is None:
        raise RequestRefused(
            "line destroy: there is no terminal in which to ask; look at what it says above, then "
            f"`line --environment {session.environment} destroy --confirm {session.environment}`"
        )
    if given != session.environment:
        raise RequestRefused(
            f"line destroy: {given!r}: expected {session.environment!r}; nothing was changed",
            where="line destroy",
            value=repr(given),
            expected=repr(session.environment),
        )


def _forget_deployment(session: Session) -> None:
    """The next deployment into the embedded AWS has something to do, even of the very same stacks."""
    if session.embedded:
        from assembly_line.embedded import StateFolder

        StateFolder(session.state).deployment.unlink(missing_ok=True)
