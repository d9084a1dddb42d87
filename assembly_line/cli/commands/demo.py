"""Everything at once: a year replayed on public data."""

from __future__ import annotations

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session

PANEL = "1. Set up"


def register(app: typer.Typer) -> None:
    command(app, "demo", panel=PANEL)(demo)


def demo(session: Session) -> None:
    """Run the whole line once in the embedded AWS, on public data: about three minutes, no account.

    The demo replays 2017. It trains in July, has the run reviewed, and scores each later campaign as it starts. A
    consuming application acts. Once the outcomes are certain, the demo shows how good the line was.

    It begins with an empty account. It removes what an earlier demo left. It moves an account aside that somebody
    worked in, and says where to. At the end it stops what it started. `line up` shows the result again.
    """
    from assembly_line.cli.demo.replay import run_demo

    run_demo(session)
