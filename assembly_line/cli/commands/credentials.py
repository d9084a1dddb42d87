"""Credentials for programs beside the command, such as a notebook."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session

if TYPE_CHECKING:
    from rich.console import Console


def register(app: typer.Typer) -> None:
    command(app, "credentials")(credentials)


def credentials(session: Session) -> None:
    """Print the variables by which other programs reach the same AWS, under your own identity or, with --as, a role's.

    A role's credentials are good for an hour. In a shell: eval "$(line credentials --as scientist)"
    """
    variables = session.target.variables(session.options.role)

    def render(console: Console) -> None:
        for name, value in variables.items():
            console.print(f"export {name}={shlex.quote(value)}", markup=False, soft_wrap=True)

    session.output.result(variables, render)
