"""Prove that what ran here would run in AWS."""

from __future__ import annotations

from typing import Annotated

import typer

from assembly_line.cli import completing
from assembly_line.cli.options import command
from assembly_line.cli.session import Session

For = Annotated[
    list[str] | None,
    typer.Option(
        "--for",
        metavar="ENVIRONMENT",
        help="Judge by the templates of this environment; may be given again (default: that of --environment).",
        autocompletion=completing.environments,
    ),
]
Record = Annotated[
    bool, typer.Option("--record", help="Run the demo first, unless one of these very sources is recorded already.")
]

Mutate = Annotated[
    bool, typer.Option("--mutate", help="Break each grant, dependency and bound in turn: the proof must name each.")
]


def register(app: typer.Typer) -> None:
    command(app, "proof")(proof)


def proof(session: Session, environments: For = None, record: Record = False, mutated: Mutate = False) -> None:
    """Judge a recorded embedded run against the templates of an environment, without an account.

    Every call of AWS is looked at: whether the policies allow it, and whether the service takes it. The templates are
    looked at too. Ends with code 1 where anything would fail in AWS, and says what could not be judged.
    """
    from assembly_line.cli.commands.demo import of_demo
    from assembly_line.cli.environments.proving import prove
    from assembly_line.cli.views import proof as drawn
    from assembly_line.errors import RunFailed

    if record:
        of_demo("recording").record_run(session)
    proofs = prove(session, environments or [session.environment], mutated=mutated)
    session.output.result([each.document() for each in proofs], drawn.draw(proofs))
    faults = sum(len(each.faults) for each in proofs)
    if faults:
        raise RunFailed(f"{faults} faults would show in AWS and not here; each says what to do")
