"""Start a line of your own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import command
from assembly_line.cli.output import fields
from assembly_line.cli.session import Session

Name = Annotated[
    str, typer.Argument(metavar="NEW", help="Name of the new line: small letters, digits and underscores.")
]
For = Annotated[
    str,
    typer.Option(
        "--for",
        metavar="KIND",
        help="Kind of outcome: classification, forecasting, multiclass, ranking, regression or survival.",
        autocompletion=completing.kinds,
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--lines", metavar="FOLDER", file_okay=False, help="Folder of declared lines (default: the nearest lines/)."
    ),
]
Repository = Annotated[
    Path | None,
    typer.Option(
        "--repository",
        metavar="FOLDER",
        file_okay=False,
        help="Write the line into a repository of its own: with checks, editors' files, and a workflow for GitHub.",
    ),
]


def register(app: typer.Typer) -> None:
    command(app, "new")(new)


def new(
    session: Session, name: Name, kind: For = "classification", lines: Folder = None, repository: Repository = None
) -> None:
    """Write the folder of a new line. It works at once, on data that it makes itself."""
    from datetime import UTC, datetime

    from assembly_line.errors import RequestRefused
    from assembly_line.scaffold import new_line, new_repository

    today = datetime.now(UTC).date()
    if repository is None:
        files = new_line(lines or session.lines_here, name, kind, today=today)
    elif lines is None:
        files = new_repository(repository, name, kind, today=today)
    else:
        raise RequestRefused.about("--lines", str(lines), "nothing beside --repository, which has a lines/ of its own")
    session.output.result(
        {"line": name, "kind": kind, "files": [str(file) for file in files]},
        fields(
            {
                "Line": name,
                "Files": "\n".join(str(file) for file in files),
                "Next": "`line deploy --load` starts the embedded AWS and puts the line into it"
                if repository is None
                else f"{repository / 'README.md'} says how `make check` works there",
            }
        ),
    )
