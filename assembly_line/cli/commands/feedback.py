"""Feedback: what people and applications did, and how good the delivered predictions were."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE", help='JSON: one event, a list, {"events": [...]}, or one event a line. `-` reads stdin.'
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMN",
        help="Also for each value of this key, such as campaign_id, or by decision_month.",
        autocompletion=completing.keys,
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="COLUMN",
        help="Key whose decisions belong together (default: the first key).",
        autocompletion=completing.keys,
    ),
]


def register(app: typer.Typer) -> None:
    events = typer.Typer(no_args_is_help=True)
    command(events, "send")(send)
    app.add_typer(events, name="feedback")
    command(app, "performance")(show_performance)


def send(session: Session, file: File) -> None:
    """Send feedback through the line's API: each hundred is accepted whole or not at all."""
    from assembly_line.cli.api import send_all
    from assembly_line.feedback import read_events

    events = read_events(file)
    accepted = send_all(session.target.api(session.options.role), events)
    said = "1 event was accepted." if len(accepted) == 1 else f"{len(accepted)} events were accepted."
    session.output.result({"accepted": accepted}, lambda console: console.print(said))


def show_performance(session: Session, line: Line, by: By = None, cluster: Cluster = None) -> None:
    """Judge the delivered predictions by their mature outcomes, beside the prior rate and the one-feature rule."""
    from assembly_line.cli.views.performance import draw_performance
    from assembly_line.feedback import judged_line

    declared = session.target.released.current(line)
    judged = judged_line(session.target, declared, by=by, cluster=cluster)
    document = {
        "line": line,
        "history": judged.counts,
        "performance": [one.to_json() for one in judged.performance],
        "lacking": judged.lacking,
    }
    drawn = draw_performance(judged.performance, judged.counts, kind=type(declared.predicts), by=by)
    session.output.result(document, drawn)
    for key, count in judged.lacking.items():
        session.output.note(
            f"{count:,} decisions lack the key {key}: the line did not declare it when they were made. "
            + ("They are in no group." if key == by else "They are not judged.")
        )
