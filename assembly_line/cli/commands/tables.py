"""Tables to explore: which there are, how fresh they are, and questions in SQL."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import Line, Wait, command
from assembly_line.cli.session import Session

Table = Annotated[
    str,
    typer.Argument(metavar="TABLE", help="Name of a table that the line declares.", autocompletion=completing.tables),
]
OneTable = Annotated[
    str | None,
    typer.Argument(
        metavar="TABLE", help="Only this table. All of the line if left out.", autocompletion=completing.tables
    ),
]
Sql = Annotated[str, typer.Argument(metavar="SQL", help='One SELECT, such as "SELECT * FROM spending LIMIT 10".')]
Rows = Annotated[int, typer.Option("--rows", min=1, max=999, help="How many rows are shown at most.")]


def register(app: typer.Typer) -> None:
    tables = typer.Typer(no_args_is_help=True)
    command(tables, "list")(list_tables)
    command(tables, "refresh")(refresh_tables)
    command(tables, "show")(show_table)
    command(tables, "query")(query_tables)
    app.add_typer(tables, name="tables")


def list_tables(session: Session, line: Line) -> None:
    """List the tables that a line declares: what they hold, when they are refreshed, how fresh they are."""
    from assembly_line.cli.views.tables import draw_tables
    from assembly_line.features import Exploring

    found = Exploring(session.target, line).all()
    session.output.result(found, draw_tables(found, line))


def refresh_tables(session: Session, line: Line, table: OneTable = None, waited: Wait = True) -> None:
    """Materialise a line's tables now. A table whose source did not change is left as it is."""
    from assembly_line.cli.views.tables import draw_tables
    from assembly_line.features import Exploring

    exploring = Exploring(session.target, line)
    run_id = exploring.start(table)
    if not waited:
        session.output.result({"job_run": run_id, "status": "RUNNING"}, lambda console: console.print(run_id))
        return
    session.output.note(f"Job run {run_id}.")
    exploring.wait(run_id)
    found = exploring.all()
    session.output.result(found, draw_tables(found, line))


def show_table(session: Session, line: Line, table: Table) -> None:
    """Show what a table is: columns, months, the snapshot that it was made of."""
    from assembly_line.cli.views.tables import draw_table
    from assembly_line.features import Exploring

    found = Exploring(session.target, line).one(table)
    session.output.result(found, draw_table(found))


def query_tables(session: Session, sql: Sql, rows: Rows = 100) -> None:
    """Ask the tables and sources of the catalog by one SELECT, through Athena."""
    from assembly_line.cli.views.tables import draw_answer

    found = session.target.queries.select(sql, rows=rows)
    session.output.result([dict(zip(found.columns, row, strict=True)) for row in found.rows], draw_answer(found))
    if not found.complete:
        session.output.note(f"These are the first {rows} rows; there are more.")
