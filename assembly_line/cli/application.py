"""The command: its groups, its help, and how errors end it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from assembly_line.cli import exits
from assembly_line.cli.exits import ExitCode
from assembly_line.cli.lazy_commands import LazyCommands, prepare_help
from assembly_line.cli.options import Debug, Environment, Json, Profile, Region, Role, State
from assembly_line.cli.output import Output
from assembly_line.cli.session import Options
from assembly_line.stations import WATCH, Command, commands

STEPS = (
    ("line new NAME", "write the folder of a line of your own"),
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
SET_UP = "1. Set up"
# In the order in which a newcomer needs them.
COMMANDS = {
    "new": Command("new", SET_UP, "Write the folder of a new line. It works at once, on data that it makes itself."),
    "up": Command(
        "platform",
        SET_UP,
        "Start the embedded AWS and leave it running. It brings back everything that the last run kept.",
    ),
    "deploy": Command(
        "platform",
        SET_UP,
        "Deploy the stacks, then release every declared line. The embedded AWS is started if it does not run.",
    ),
    "release": Command(
        "platform",
        SET_UP,
        "Publish a line as it is declared now. New work uses it. Running work keeps the release that it began with.",
    ),
    "pin": Command(
        "platform",
        SET_UP,
        "Write into a line's requirements.txt the hash of the wheel that its image gets of each package.",
    ),
    "diff": Command(
        "platform",
        SET_UP,
        "Show where a line's folder differs from the release in force, and what would follow of releasing it.",
    ),
    "status": Command(
        "platform",
        SET_UP,
        "Show what runs and what each line has: release, champion, runs that wait for a review, executions.",
    ),
    "remove": Command(
        "removal",
        SET_UP,
        "Take a line away: its requests are refused from now on, and its stack goes. Its history stays.",
    ),
    "destroy": Command(
        "removal",
        SET_UP,
        "Take an environment away: all its stacks, and its data unless the setting `keep_data` is true.",
    ),
    "down": Command(
        "platform",
        SET_UP,
        "Stop the embedded AWS. `line up` brings back its state. Runs that wait for a review wait on.",
    ),
    "demo": Command(
        "demo", SET_UP, "Run the whole line once in the embedded AWS, on public data: one to two minutes, no account."
    ),
    "proof": Command(
        "proof", SET_UP, "Judge a recorded embedded run against the templates of an environment, without an account."
    ),
    "doctor": Command(
        "doctor",
        SET_UP,
        "Look at an account before the first deployment: what is missing, what is in the way, what it will cost.",
    ),
    **commands(),
    "logs": Command("logs", WATCH, "Show the log of a function or job, or the states of a run and why it failed."),
    "redrive": Command("logs", WATCH, "Go on with a run where it failed, keeping what was done. Mend the cause first."),
}
GUIDE = "\n\n".join(
    (
        "The data science assembly line: from raw tables to delivered predictions and back.",
        "Without an account, in this order; [bold]line demo[/bold] does it all at once:",
        "\b\n" + "\n".join(f"[bold]{step}[/bold]\n    {purpose}" for step, purpose in STEPS),
        exits.EXPLAINED,
    )
)


class Commands(LazyCommands):
    """Those of `line`, listed in the order in which a newcomer needs them."""

    listed = COMMANDS


app = typer.Typer(
    name="line",
    cls=Commands,
    help=GUIDE,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from assembly_line.cli.versions import version

        typer.echo(version())
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
    for_program = "--json" in given
    if not given or {"--help", "-h"} & set(given):
        prepare_help()
    Output.answered = False
    try:
        code = app(args=given, prog_name="line", standalone_mode=not for_program)
    except Exception as error:  # noqa: BLE001 - the edge of the program: every error becomes an exit code
        code = _end(error, for_program=for_program, traced="--debug" in given)
    sys.exit(code or ExitCode.OK)


def _end(error: Exception, *, for_program: bool, traced: bool) -> int:
    output = Output(machine_readable=for_program)
    code = exits.exit_code_of(error)
    if traced or code is None:
        output.errors.print(exits.trace(error), markup=False, soft_wrap=True)
    output.error(exits.describe(error))
    if code is None:
        output.note("This is a fault of the program, not of your input; please report it with the lines above.")
        code = ExitCode.RUN_FAILED
    if for_program and not Output.answered:
        output.result({"error": exits.parts(error), "exit_code": int(code)}, lambda _: None)
    return code
