"""Training runs, looked at and compared."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.commands.logs import redrive
from assembly_line.cli.options import Line, OptionalLine, Run, Wait, command
from assembly_line.cli.session import Session

Other = Annotated[str, typer.Argument(metavar="OTHER", help="The run to compare with.", autocompletion=completing.runs)]


def register(app: typer.Typer) -> None:
    runs = typer.Typer(no_args_is_help=True)
    command(runs, "list")(list_runs)
    command(runs, "show")(show_run)
    command(runs, "compare")(compare_runs)
    command(runs, "replicate")(replicate_run)
    command(runs, "resume")(redrive)
    command(runs, "expire")(expire_runs)
    command(runs, "record")(record_runs)
    command(runs, "open")(open_runs)
    app.add_typer(runs, name="runs")


def list_runs(session: Session, line: Line) -> None:
    """List the training runs of a line with their figures, the latest first."""
    from assembly_line.cli.views.training_runs import draw_runs
    from assembly_line.training import history

    found = history(session.target, line)
    session.output.result(found, draw_runs(found))


def show_run(session: Session, line: Line, run: Run) -> None:
    """Show everything that is needed to repeat a run, and its figures."""
    from assembly_line.cli.views.training_runs import draw_run
    from assembly_line.training import record_of

    found = record_of(session.target, line, run)
    session.output.result(found, draw_run(found))


def compare_runs(session: Session, line: Line, run: Run, other: Other) -> None:
    """Show the figures of two runs side by side, and where the runs begin to differ."""
    from assembly_line.cli.views.training_runs import draw_compared
    from assembly_line.training import runs_compared

    found = runs_compared(session.target, line, run, other)
    session.output.result(found, draw_compared(found))


def expire_runs(
    session: Session,
    line: Line,
    *,
    yes: Annotated[
        bool, typer.Option("--yes/--explain", help="Delete, or only show what would go and why the rest stays.")
    ] = False,
) -> None:
    """Let old runs go as the line declares it, with their models, packages and files. By default only show them.

    Nothing goes that anything refers to. Nothing comes back. You need the platform engineer's own credentials.
    """
    from assembly_line.cli.views.retention import draw_expired
    from assembly_line.training import expired

    found = expired(session.target, line, delete=yes)
    session.output.result(found, draw_expired(found))
    if not yes and any(not run["kept"] for run in found["runs"]):
        session.output.note("Nothing was deleted; add --yes to delete it.")


def record_runs(
    session: Session,
    line: OptionalLine = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="URI",
            help="An MLflow server: its address, or the ARN of SageMaker's MLflow. By default the environment's own "
            "MLflow app, else the database in the state folder.",
        ),
    ] = None,
) -> None:
    """Write into MLflow every run that it does not have, and what changed of the others. Repeating it changes nothing.

    Training does not depend on it: the line keeps every run, and MLflow can be filled at any time.
    """
    from assembly_line.cli.tracking import record
    from assembly_line.cli.views.training_runs import draw_recorded

    found = record(session, line, to)
    session.output.result(found, draw_recorded(found))


def open_runs(
    session: Session,
    line: OptionalLine = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Where to listen. A free port if left out.")
    ] = None,
) -> None:
    """Record the runs, then start MLflow's page on this machine and leave it running. `line down` stops it."""
    from assembly_line.cli.tracking import record, show
    from assembly_line.cli.views.training_runs import draw_opened

    found = record(session, line)
    found |= show(session, found, port)
    session.output.result(found, draw_opened(found))


def replicate_run(session: Session, line: Line, run: Run, *, waited: Wait = True) -> None:
    """Repeat a run: compute its dataset again and compare it, then train again and compare inputs, model and answers.

    The exit code is 1 if something is not the same. Nothing is registered, and nobody is asked for a review.
    """
    from assembly_line.cli import reviewing
    from assembly_line.cli.commands.datasets import require_verified
    from assembly_line.cli.views.reviews import draw_started
    from assembly_line.cli.views.training_runs import draw_replication
    from assembly_line.cli.waiting import progress
    from assembly_line.training import record_of, request_of

    record = record_of(session.target, line, run)
    require_verified(session, record["dataset"]["dataset_id"])
    started = reviewing.start(session.target, request_of(record), session.options.role)
    session.output.note(f"Run {started['run_id']} repeats {run}.")
    if not waited:
        session.output.result(started, draw_started(started))
        return
    with progress(session.output, f"Training {line} again") as show:
        found = reviewing.wait_until_replicated(session.target, line, started, show)
    session.output.result({"run_id": started["run_id"], "replicates": run, **found}, draw_replication(run, found))
