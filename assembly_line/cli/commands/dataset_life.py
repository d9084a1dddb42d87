"""How datasets end: a run that is cancelled, and old datasets that nothing refers to."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session

DatasetRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Run id, as `line dataset build` prints it at once with --no-wait.",
        autocompletion=completing.runs,
    ),
]


Age = Annotated[
    str,
    typer.Option("--older-than", metavar="DAYS", help="Only what nobody asked for since so many days, such as 90d."),
]
KeepLast = Annotated[
    int, typer.Option("--keep-last", min=0, metavar="N", help="Keep the last N finished datasets whatever their age.")
]
Yes = Annotated[bool, typer.Option("--yes/--dry-run", help="Delete, or only show what would be deleted.")]
DAYS = re.compile(r"([1-9]\d{0,4})d")


def register(datasets: typer.Typer) -> None:
    """Add the commands to the group `line dataset`."""
    command(datasets, "cancel")(cancel_run)
    command(datasets, "retain")(retain)


def cancel_run(session: Session, run: DatasetRun) -> None:
    """Stop the run of a dataset, its Glue job included. An equal request can build at once."""
    from assembly_line.cli.output import fields
    from assembly_line.features import cancelled

    found = cancelled(session.target, run, by=session.target.caller())
    shown = {
        "Run": found["run_id"],
        "Line": found["line"],
        "Status": found["status"],
        "Fails too": found["fails_too"] and f"run {found['fails_too']}, which waited for this dataset",
    }
    session.output.result(found, fields(shown))


def retain(session: Session, line: Line, *, older_than: Age, keep_last: KeepLast = 0, yes: Yes = False) -> None:
    """Delete old datasets that no run, review, champion, scoring run or prediction names. By default only show them.

    The command also deletes attempts that never became a dataset, and versions of source objects that no dataset and no
    current snapshot needs. Nothing comes back. You need the platform engineer's own credentials.
    """
    from assembly_line.cli.views.retention import draw_retained
    from assembly_line.features import retained

    found = retained(session.target, line, older_than=_age(older_than), keep_last=keep_last, delete=yes)
    session.output.result(found, draw_retained(found))
    if not yes and found["bytes"]:
        session.output.note("Nothing was deleted; add --yes to delete it.")


def _age(text: str) -> timedelta:
    from assembly_line.errors import RequestRefused
    from assembly_line.features import LEAST_DAYS

    found = DAYS.fullmatch(text)
    if found is None:
        raise RequestRefused(
            f"--older-than {text!r}: expected at least {LEAST_DAYS} day, written as a number and d, such as 90d",
            where="--older-than",
            value=repr(text),
            expected=f"at least {LEAST_DAYS} day, such as 90d",
        )
    return timedelta(days=int(found[1]))
