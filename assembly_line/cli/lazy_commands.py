"""Commands whose module is imported when they are asked for: a call pays for the command that it calls."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import typer
import typer.core
import typer.main
from typer._coercion import RuntimeParam, TypeDescriptor, build_runtime_param
from typer.core import TyperCommand, TyperGroup

from assembly_line.stations import Command

# Help is drawn by a module that imports them, at half of its whole cost, for formats that no command here uses.
UNUSED_IN_HELP = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}


def _stand_in(name: str, command: Command) -> TyperCommand:
    return TyperCommand(name, help=command.help, rich_help_panel=command.panel)


def made(name: str, listed: Command) -> Any:
    """The command itself, without its neighbours in the module."""
    own = typer.Typer()
    import_module(f"assembly_line.cli.commands.{listed.module}").register(own)
    own.registered_commands = [one for one in own.registered_commands if one.name == name]
    own.registered_groups = [one for one in own.registered_groups if one.name == name]
    command = typer.main.get_group(own).commands[name]
    if isinstance(command, TyperGroup):
        command.help = listed.help
    return command


class LazyCommands(TyperGroup):
    """A group whose commands are imported when they are called; `listed` says what help and completion show."""

    listed: ClassVar[Mapping[str, Command]]

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {name: _stand_in(name, one) for name, one in self.listed.items()}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of typer
        return list(self.listed)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else made(name, self.listed[name]), rest


class _CheckedIfGiven(RuntimeParam):
    """A parameter whose value typer checks once somebody gives one that is more than text.

    typer imports pydantic for each parameter that is left out, too, and to check that text is text.
    """

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        if self.annotation in (str, list[str]) or isinstance(value, (bool, int, float)):
            return value
        if self.annotation is Path and self.parameter_info.dir_okay and not self.parameter_info.exists:
            return Path(value)
        return build_runtime_param(param.type_descriptor).coerce(value, param=param, ctx=ctx)


def _checked_if_given(descriptor: TypeDescriptor) -> RuntimeParam:
    return _CheckedIfGiven(descriptor.parameter_info, descriptor.annotation)


setattr(typer.core, "build_runtime_param", _checked_if_given)  # noqa: B010 - typer does not export the name


def prepare_help() -> None:
    """Import what draws help; what it imports and nothing here uses is an empty shell for as long as that takes."""
    shells = {name: ModuleType(name) for name in UNUSED_IN_HELP if name not in sys.modules}
    for name, shell in shells.items():
        setattr(shell, UNUSED_IN_HELP[name], object)
    sys.modules.update(shells)
    try:
        import_module("typer.rich_utils")
    finally:
        for name in shells:
            del sys.modules[name]
