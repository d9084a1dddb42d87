"""The options that every command takes, before or after its name, and the arguments that several share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

import typer

from assembly_line.cli import completing
from assembly_line.cli.session import Options, Session

EVERYWHERE = "Options of every command"

Environment = Annotated[
    str | None,
    typer.Option(
        "--environment",
        metavar="NAME",
        help="Which environment: 'embedded' (default) or one of your account's. Variable: LINE_ENVIRONMENT.",
        rich_help_panel=EVERYWHERE,
        autocompletion=completing.environments,
    ),
]
Json = Annotated[
    bool | None,
    typer.Option("--json", help="Print the result as JSON on stdout.", rich_help_panel=EVERYWHERE, show_default=False),
]
Role = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="ROLE",
        help="Act as scientist, reviewer or decider; in the embedded AWS also as a named one, such as reviewer/ben.",
        rich_help_panel=EVERYWHERE,
    ),
]
Region = Annotated[
    str | None, typer.Option("--region", help="Region of an account's environment.", rich_help_panel=EVERYWHERE)
]
Profile = Annotated[
    str | None, typer.Option("--profile", help="Credentials profile for an account.", rich_help_panel=EVERYWHERE)
]
State = Annotated[
    Path | None,
    typer.Option(
        "--state",
        metavar="FOLDER",
        help="Where the embedded AWS keeps everything (default: .line). Variable: LINE_STATE.",
        rich_help_panel=EVERYWHERE,
    ),
]
Debug = Annotated[
    bool | None,
    typer.Option("--debug", help="Show tracebacks.", rich_help_panel=EVERYWHERE, show_default=False),
]
GLOBAL: dict[str, Any] = {
    "environment": Environment,
    "json": Json,
    "role": Role,
    "region": Region,
    "profile": Profile,
    "state": State,
    "debug": Debug,
}

Line = Annotated[
    str,
    typer.Argument(
        metavar="LINE", help="Name of the line, such as coupon_redemption.", autocompletion=completing.lines
    ),
]
OptionalLine = Annotated[
    str | None,
    typer.Argument(metavar="LINE", help="Name of the line. All lines if left out.", autocompletion=completing.lines),
]
LinesFolder = Annotated[
    Path | None,
    typer.Option(
        "--lines",
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="Folder of declared lines (default: ./lines, or the shipped ones).",
    ),
]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Run id, as `line train` and `line review list` print it.",
        autocompletion=completing.reviewed_runs,
    ),
]
DecidedAt = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="INSTANT|DAY",
        help="With keys: the time of the decision, or its day in UTC, such as 2017-07-12. Needed where keys recur.",
    ),
]
AsOf = Annotated[
    str,
    typer.Option(
        "--as-of", metavar="INSTANT", help="Business time: what was known then, such as 2017-07-01 (UTC midnight)."
    ),
]
AsOfOrNow = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="INSTANT", help="Business time: what was known then, such as 2017-07-01. By default now."
    ),
]
Engine = Annotated[str, typer.Option("--engine", help="auto, duckdb or spark.")]
ScoredBy = Annotated[str, typer.Option("--scored-by", help="Who asks the model: auto, function or transform.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end, or print the execution at once.")]


def command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], None]:
    """Register a function as a command that also takes the global options; its first parameter is the session."""

    def register(function: Callable[..., None]) -> None:
        signature = inspect.signature(function, eval_str=True)
        own = list(signature.parameters.values())[1:]
        added = [
            inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for key, annotation in GLOBAL.items()
        ]
        context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)

        @functools.wraps(function)
        def call(context: typer.Context, **given: Any) -> None:
            options = Options(**{key: given.pop(key) for key in GLOBAL})
            function(Session(merged(context.find_root().obj, options)), **given)

        parameters = [context, *own, *added]
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del call.__wrapped__  # typer would follow it and find the function's own parameters
        app.command(name, no_args_is_help=False)(call)

    return register


def merged(before: Options | None, after: Options) -> Options:
    """What stands after the command's name wins over what stands before it."""
    if before is None:
        return after
    said = {field.name: getattr(after, field.name) for field in fields(after)}
    return Options(**{**asdict(before), **{key: value for key, value in said.items() if value is not None}})
