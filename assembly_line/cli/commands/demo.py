"""Everything at once: a year replayed on public data."""

from __future__ import annotations

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session


def register(app: typer.Typer) -> None:
    command(app, "demo")(demo)


def demo(session: Session) -> None:
    """Run the whole line once in the embedded AWS, on public data: about three minutes, no account.

    Replays 2017: trains in July, has the run reviewed, scores each later campaign as it starts, lets a consuming
    application act, lets time pass until the outcomes are certain, and shows how good it was. Begins with an empty
    account: what an earlier demo left is given up; an account that somebody worked in is moved aside, and where to is
    said. Stops what it started; `line up` shows the result again.
    """
    from assembly_line.cli.demo.replay import run_demo

    run_demo(session)
