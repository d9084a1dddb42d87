"""What the shell offers on Tab: declared lines at once; datasets and runs where the embedded AWS runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import typer

from assembly_line.cli.session import Options, Session


def lines(context: typer.Context, incomplete: str) -> list[str]:
    """Names of the declared lines, by their folders."""
    return _offered(context, incomplete, _declared)


def kinds(incomplete: str) -> list[str]:
    """Kinds of outcome that a new line can predict."""
    from assembly_line.scaffold import KINDS

    return [kind for kind in KINDS if kind.startswith(incomplete)]


def datasets(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of finished datasets."""
    return _offered(context, incomplete, _datasets)


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the runs that were or are to be reviewed; of one line where that is given already."""
    return _offered(context, incomplete, lambda session: _runs(session, context.params.get("line")))


def _offered(context: typer.Context, incomplete: str, names: Callable[[Session], Iterable[str]]) -> list[str]:
    given: dict[str, Any] = context.find_root().params
    session = Session(Options(environment=given.get("environment"), state=given.get("state")))
    # Nothing that goes wrong may end up in the line that somebody is typing.
    with contextlib.suppress(Exception), contextlib.redirect_stderr(None):
        return sorted(name for name in names(session) if name.startswith(incomplete))
    return []


def _declared(session: Session) -> Iterable[str]:
    return [path.parent.name for path in session.lines.glob("*/line.py")]


def _datasets(session: Session) -> Iterable[str]:
    if not session.embedded:  # an account answers too slowly to type by
        return []

    target = session.target
    return [found.dataset_id for found in target.finished_datasets.of(target.control.lines())]


def _runs(session: Session, line: str | None) -> Iterable[str]:
    if not session.embedded:
        return []
    control = session.target.control
    return [review["run_id"] for name in ([line] if line else control.lines()) for review in control.reviews(name)]
