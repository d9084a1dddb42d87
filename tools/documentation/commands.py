"""The reference of the `line` command, from the command itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any

import typer.main

from assembly_line.cli.application import COMMANDS, STEPS, app
from assembly_line.cli.exits import EXPLAINED
from assembly_line.cli.lazy_commands import made
from assembly_line.cli.options import EVERYWHERE
from tools.documentation.markdown import code, page, table

_EXIT = re.compile(r"(\d) (.+?)\.")
INTRODUCTION = """\
This page lists every command, argument and option of `line`. It is made from the command itself, so
`line COMMAND --help` says the same on your terminal.
"""


def commands() -> Iterator[tuple[str, Any]]:
    """Full name -> command, for every command that does something, in the order of `line --help`."""
    group: Any = typer.main.get_command(app)
    for name in group.list_commands(None):
        # The list holds stand-ins: a command is imported when it is called.
        yield from _below(f"line {name}", made(name, COMMANDS[name]))


def render() -> str:
    """The page."""
    found = dict(commands())
    everywhere = [one for one in next(iter(found.values())).params if _is_global(one)]
    return page(
        "Commands",
        INTRODUCTION,
        "## The usual order\n\n" + table(("command", "does"), ((code(step), purpose) for step, purpose in STEPS)),
        "## Exit codes\n\n"
        + table(("code", "meaning"), ((code(found), words) for found, words in _EXIT.findall(EXPLAINED))),
        "## Options of every command\n\nYou may write them before or after the name of the command.\n\n"
        + _options(everywhere),
        *(_section(name, command) for name, command in found.items()),
    )


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for part in command.list_commands(None):
        if not command.commands[part].hidden:
            yield from _below(f"{name} {part}", command.commands[part])


def _section(name: str, command: Any) -> str:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not (_is_global(one) or one.hidden)]
    written = " ".join([name, *(_metavar(one) if one.required else f"[{_metavar(one)}]" for one in arguments)])
    parts = [
        f"## `{name}`",
        cleandoc(command.help or ""),
        f"```text\n{written}{' [OPTIONS]' if options else ''}\n```",
        table(("argument", "meaning"), ((code(_metavar(one)), _meaning(one)) for one in arguments)),
        _options(options),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part)


def _options(options: list[Any]) -> str:
    return table(("option", "default", "meaning"), ((_names(one), _default(one), _meaning(one)) for one in options))


def _names(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(code(f"{name}{value}") for name in (*option.opts, *option.secondary_opts))


def _default(option: Any) -> str:
    if option.required:
        return "required"
    if option.secondary_opts:
        return code((option.opts if option.default else option.secondary_opts)[0])
    return "" if option.default in (None, False, [], ()) else code(option.default)


def _meaning(parameter: Any) -> str:
    """The help, in which `<name>` is no HTML."""
    return str(parameter.help or "").replace("<", "&lt;")


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper()).strip("[]")


def _is_global(parameter: Any) -> bool:
    return getattr(parameter, "rich_help_panel", None) == EVERYWHERE
