"""The ledger as tables: compact the tail now, and see what is compacted."""

from __future__ import annotations

import typer

from assembly_line.cli.options import Line, command
from assembly_line.cli.session import Session


def register(app: typer.Typer) -> None:
    ledger = typer.Typer(no_args_is_help=True)
    command(ledger, "compact")(compact)
    command(ledger, "show")(show)
    app.add_typer(ledger, name="ledger")


def compact(session: Session, line: Line) -> None:
    """Make tables of what the ledger took since the last time. A schedule does so once a day."""
    from assembly_line.cli.output import fields
    from assembly_line.cli.runs import require_released
    from assembly_line.ledger import compacted_now

    require_released(session, line)
    found = compacted_now(session.target, line)
    drawn = fields({"Files of the tail": f"{found['files']:,}", "Days written anew": f"{found['days']:,}"})
    session.output.result({"line": line, **found}, drawn)


def show(session: Session, line: Line) -> None:
    """Show the tables of a line's ledger: rows, days, files of the tail beside them, and their names in Athena."""
    from assembly_line.cli.output import rows
    from assembly_line.cli.runs import require_released
    from assembly_line.ledger import ledger_tables

    require_released(session, line)
    found = ledger_tables(session.target, line)
    content = [(one["table"], one["rows"], one["days"], one["tail_files"], one["catalog"]) for one in found]
    drawn = rows(("table", "rows", "days", "files of the tail", "in Athena"), content)
    session.output.result({"line": line, "tables": found}, drawn)
