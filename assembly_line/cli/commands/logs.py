"""Watch: what functions, jobs and executions said; and let a run that failed go on."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import command
from assembly_line.cli.session import Session

What = Annotated[
    str | None,
    typer.Argument(
        metavar="FUNCTION|JOB|RUN",
        help="A function such as training.begin, a job's name, or a run id.",
        autocompletion=completing.logs,
    ),
]
FailedRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run that failed, was stopped or ran out of time.", autocompletion=completing.runs
    ),
]
Last = Annotated[int, typer.Option("--last", min=1, help="How many lines of a log.")]


def register(app: typer.Typer) -> None:
    command(app, "logs")(show_logs)
    command(app, "redrive")(redrive)


def show_logs(session: Session, what: What = None, last: Last = 100) -> None:
    """Show the log of a function or job, or the states of a run and why it failed."""
    from assembly_line.storage import Logs

    logs = Logs(session.target, session.target.parameters.log_groups())
    if what is None:
        found = logs.functions()
        session.output.result({"functions": found}, lambda console: console.print("\n".join(found), markup=False))
        return
    from assembly_line.cli.views.runs import draw_story
    from assembly_line.errors import NotFound
    from assembly_line.throughput import story

    told = story(session.target, what)
    if told is not None:
        session.output.result(told, draw_story(told))
        return
    lines = logs.of(what, last=last)
    if lines is None:
        raise NotFound(
            f"{what!r} is no function, job or run here; `line logs` lists functions, `line status` runs",
            where="what",
            value=repr(what),
            expected="a function, job or run that there is",
        )
    session.output.result({"log": lines}, lambda console: console.print("\n".join(lines), markup=False, soft_wrap=True))


def redrive(session: Session, run: FailedRun) -> None:
    """Go on with a run where it failed, keeping what was done. Mend the cause first.

    A training or dataset run keeps the release that it was started with. Another run that failed in its first step
    takes the current one. Every run keeps its machine's definition. After a change of these, start it again under a
    new name.
    """
    from assembly_line.cli.output import fields
    from assembly_line.errors import NotFound
    from assembly_line.throughput import find

    found = find(session.target, run)
    if found is None:
        raise NotFound(
            f"{run!r} is no run here; `line status` lists runs",
            where="run",
            value=repr(run),
            expected="a run that there is",
        )
    execution = session.target.machines.redrive(found[1].arn)
    content = {"run_id": execution.name, "execution_arn": execution.arn, "status": execution.status}
    session.output.result(content, fields({"Run": run, "Next": f"`line logs {run}` shows how far it is"}))
