"""Old spellings of commands and options: unlisted, they work for one more release and note the new one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session

OldInputs = Annotated[str | None, typer.Option("--shape", hidden=True)]


def add_shapes(datasets: typer.Typer, list_inputs: Callable[..., None]) -> None:
    """`line dataset shapes`, which is `line dataset inputs` now."""

    @functools.wraps(list_inputs)
    def call(session: Session, **given: Any) -> None:
        _note(session, "`line dataset shapes`", "`line dataset inputs`")
        list_inputs(session, **given)

    command(datasets, "shapes")(call)
    datasets.registered_commands[-1].hidden = True


def inputs_of(session: Session, inputs: str | None, old: str | None) -> str | None:
    """The value of `--inputs`, or of `--shape`, which it was called before."""
    if old is not None:
        _note(session, "`--shape`", "`--inputs`")
    return old if inputs is None else inputs


def _note(session: Session, old: str, new: str) -> None:
    session.output.note(f"{old} is now {new}; the next release drops the old name.")
