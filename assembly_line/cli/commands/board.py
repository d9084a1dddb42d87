"""Watch: the board, from station events alone."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import command
from assembly_line.cli.session import Session

OneLine = Annotated[str | None, typer.Argument(metavar="LINE", help="Only this line.", autocompletion=completing.lines)]
Since = Annotated[
    str | None, typer.Option("--since", metavar="DAY", help="Only events from this day on (UTC), such as 2026-11-01.")
]


def register(app: typer.Typer) -> None:
    command(app, "board")(show_board)


def show_board(session: Session, line: OneLine = None, since: Since = None) -> None:
    """Show where time goes: lead time, each station, waiting, work in progress, first-pass yield, rework tax."""
    from assembly_line.cli.views.board import draw_boards
    from assembly_line.instants import parse_instant
    from assembly_line.throughput import boards_of, to_json

    day = None if since is None else f"{parse_instant(since, field='--since'):%Y%m%d}"
    found = boards_of(session.target, line=line, since_day=day)
    which = "".join((f" of line {line!r}" if line else "", f" since {since}" if since else ""))
    nothing = f"No station has announced anything{which or ' yet'}."
    session.output.result([to_json(board) for board in found], draw_boards(found, nothing=nothing))
