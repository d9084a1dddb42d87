"""The command's shape: its groups, its help, and how errors end it."""

from __future__ import annotations

import sys
import tomllib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from assembly_line.cli import exits
from assembly_line.cli.commands import (
    board,
    data,
    decisions,
    delivery,
    demo,
    features,
    feedback,
    logs,
    platform,
    tables,
    training,
)
from assembly_line.cli.options import Debug, Environment, Json, Profile, Region, Role, State
from assembly_line.cli.output import Output
from assembly_line.cli.session import REPOSITORY, Options

STEPS = (
    ("line up", "start the embedded AWS on this machine"),
    ("line deploy", "put the stacks and the declared lines into it"),
    ("line sources load coupon_redemption", "raw tables, typed, into the lake"),
    ("line features list coupon_redemption", "what the line knows, in words"),
    ("line dataset build coupon_redemption --as-of 2017-07-01", "what was known then"),
    ("line dataset explain DATASET DECISION FEATURE", "the very events behind a value"),
    ("line dataset verify DATASET", "computed again, and compared"),
    ("line train coupon_redemption --as-of 2017-07-01 --as scientist", "ends by waiting for a reviewer"),
    ("line review show coupon_redemption RUN --as reviewer", "what to judge by"),
    ('line review approve coupon_redemption RUN --reason "..." --as reviewer', "the run becomes champion"),
    ("line score coupon_redemption --date 2017-07-12 --at 2017-07-12", "predict, decide, deliver, as on that day"),
    ("line feedback send FILE --as decider", "what people decided instead"),
    ("line outcomes coupon_redemption --as-of 2018-01-02", "what came of it, once that is certain"),
    ("line performance coupon_redemption --by campaign_id", "how good it was"),
    ("line board", "where work waits, what rework costs"),
    ("line logs RUN", "what happened in a run, and why it failed"),
    ("line down", "stop; everything is kept for the next `line up`"),
)
ORDER = (
    *("up", "deploy", "release", "status", "down", "demo"),
    *("sources", "features", "dataset", "tables", "train", "review", "champion", "score", "outcomes"),
    "decision",
    *("feedback", "performance", "board", "logs"),
)
GUIDE = "\n\n".join(
    (
        "The data science assembly line: from raw tables to delivered predictions and back.",
        "Without an account, in this order; [bold]line demo[/bold] does it all at once:",
        "\b\n" + "\n".join(f"[bold]{step}[/bold]\n    {purpose}" for step, purpose in STEPS),
        exits.EXPLAINED,
    )
)


class InOrder(TyperGroup):
    """Lists its commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=ORDER.index)


app = typer.Typer(
    name="line",
    cls=InOrder,
    help=GUIDE,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (platform, data, features, tables, training, delivery, decisions, feedback, board, logs, demo):
    module.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        # The project is run from its folder, never installed.
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        typer.echo(project["version"])
        raise typer.Exit


@app.callback()
def set_options(
    context: typer.Context,
    *,
    environment: Environment = None,
    json: Json = None,
    role: Role = None,
    region: Region = None,
    profile: Profile = None,
    state: State = None,
    debug: Debug = None,
    version: Annotated[  # noqa: ARG001 - it ends the command before this function is called
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    context.obj = Options(
        environment=environment, json=json, role=role, region=region, profile=profile, state=state, debug=debug
    )


def run(arguments: list[str] | None = None) -> None:
    """Run the command and end the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=given, prog_name="line")
    except Exception as error:  # noqa: BLE001 - the edge of the program: every error becomes an exit code
        sys.exit(_end(error, traced="--debug" in given))


def _end(error: Exception, *, traced: bool) -> int:
    output = Output(machine_readable=False)
    code = exits.exit_code_of(error)
    if traced or code is None:
        output.errors.print(exits.trace(error), markup=False, soft_wrap=True)
    output.error(exits.describe(error))
    if code is None:
        output.note("This is a fault of the program, not of your input; please report it with the lines above.")
        return exits.ExitCode.RUN_FAILED
    return code
