"""Watch: what functions, jobs and executions said; and let a run that failed go on."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session

PANEL = "6. Watch"
What = Annotated[
    str | None,
    typer.Argument(
        metavar="[FUNCTION|JOB|RUN]",
        help="A function such as training.begin, a job's name, or a run id.",
    ),
]
FailedRun = Annotated[str, typer.Argument(metavar="RUN", help="A run that failed, was stopped or ran out of time.")]
Last = Annotated[int, typer.Option("--last", min=1, help="How many lines of a log.")]


def register(app: typer.Typer) -> None:
    command(app, "logs", panel=PANEL)(show_logs)
    command(app, "redrive", panel=PANEL)(redrive)


def show_logs(session: Session, what: What = None, last: Last = 100) -> None:
    """Show the log of a function or job, or the states of a run and why it failed."""
    from assembly_line.cli.log_reading import Logs

    logs = Logs(session.target)
    if what is None:
        found = logs.functions()
        session.output.result({"functions": found}, lambda console: console.print("\n".join(found), markup=False))
        return
    from assembly_line.cli import run_story
    from assembly_line.errors import NotFound

    story = run_story.story(session.target, what)
    if story is not None:
        session.output.result(story, run_story.draw(story))
        return
    lines = logs.of(what, last=last)
    if lines is None:
        raise NotFound(f"{what!r} is no function, job or run here; `line logs` lists functions, `line status` runs")
    session.output.result({"log": lines}, lambda console: console.print("\n".join(lines), markup=False, soft_wrap=True))


def redrive(session: Session, run: FailedRun) -> None:
    """Go on with a run where it failed, keeping what was done. Mend the cause first.

    The run keeps its release and its machine's definition. After a change of these, start it again under a new name.
    """
    from assembly_line.cli import run_story
    from assembly_line.cli.output import fields
    from assembly_line.errors import NotFound

    found = run_story.find(session.target, run)
    if found is None:
        raise NotFound(f"{run!r} is no run here; `line status` lists runs")
    execution = session.target.machines.redrive(found[1].arn)
    content = {"run_id": execution.name, "execution_arn": execution.arn, "status": execution.status}
    session.output.result(content, fields({"Run": run, "Next": f"`line logs {run}` shows how far it is"}))
