"""How the making of a dataset ends early: a run that is cancelled."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session

DatasetRun = Annotated[
    str, typer.Argument(metavar="RUN", help="Run id, as `line dataset build` prints it at once with --no-wait.")
]


def register(datasets: typer.Typer) -> None:
    """Add the commands to the group `line dataset`."""
    command(datasets, "cancel")(cancel_run)


def cancel_run(session: Session, run: DatasetRun) -> None:
    """Stop the run of a dataset, its Glue job included; an equal request can build at once."""
    from assembly_line.cli.cancelling import cancelled
    from assembly_line.cli.output import fields

    found = cancelled(session.target, run)
    shown = {
        "Run": found["run_id"],
        "Line": found["line"],
        "Status": found["status"],
        "Fails too": found["fails_too"] and f"run {found['fails_too']}, which waited for this dataset",
    }
    session.output.result(found, fields(shown))
