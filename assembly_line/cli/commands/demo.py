"""Everything at once: a year replayed on public data."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import REPOSITORY, Session


def register(app: typer.Typer) -> None:
    command(app, "demo")(demo)


def demo(session: Session) -> None:
    """Run the whole line once in the embedded AWS, on public data: one to two minutes, no account.

    The demo replays 2017. It trains in July, has the run reviewed, and scores each later campaign as it starts. A
    consuming application acts. Once the outcomes are certain, the demo shows how good the line was.

    It begins with an empty account. It removes what an earlier demo left. It moves an account aside that somebody
    worked in, and says where to. At the end it stops what it started. `line up` shows the result again.
    """
    of_demo("replay").run_demo(session)


def of_demo(module: str) -> ModuleType:
    """A module of the demo, which stands beside the library.

    Raises:
        NotFound: this is an installed package, without it.
    """
    from assembly_line.errors import NotFound

    if not (REPOSITORY / "demo" / f"{module}.py").is_file():
        raise NotFound(
            f"{REPOSITORY}: has no demo/; expected the project's own folder: the demo does not come with the package, "
            "clone the repository and run `line demo` in it"
        )
    sys.path.insert(0, str(REPOSITORY))
    return import_module(f"demo.{module}")
