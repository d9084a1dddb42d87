"""Look at an account before anything is deployed into it."""

from __future__ import annotations

import typer

from assembly_line.cli.options import command
from assembly_line.cli.session import Session


def register(app: typer.Typer) -> None:
    command(app, "doctor")(doctor)


def doctor(session: Session) -> None:
    """Look at an account before the first deployment: what is missing, what is in the way, what it will cost.

    Only reads, with your own credentials. A call that you may not make is a finding. Ends with code 1 where a
    deployment or a first run would fail. `line deploy` looks at the most important of it by itself.
    """
    from assembly_line.cli.environments.doctoring import examine
    from assembly_line.cli.views import doctor as drawn
    from assembly_line.errors import RunFailed

    found = examine(session)
    session.output.result(found.document(), drawn.draw(found))
    if found.faults:
        raise RunFailed(f"{len(found.faults)} things would make a deployment or a first run fail")
