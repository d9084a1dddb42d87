"""Commands whose module is imported when they are asked for: a call pays for the command that it calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import typer
import typer.core
import typer.main
from typer._coercion import RuntimeParam, TypeDescriptor, build_runtime_param
from typer.core import TyperGroup

# Help is drawn by a module that imports them, at half of its whole cost, for formats that no command here uses.
UNUSED_IN_HELP = {"rich.markdown": "Markdown", "rich.traceback": "Traceback"}


class LazyCommands(TyperGroup):
    """A group of commands. `modules` says for each name which module of `cli/commands` registers it."""

    modules: ClassVar[Mapping[str, str]]

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Registered(self.modules)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the signature of typer
        return list(self.modules)


class _Registered(MutableMapping[str, Any]):
    """Command by name, made by the module that registers it."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        self._modules = modules
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            own = typer.Typer()
            import_module(f"assembly_line.cli.commands.{self._modules[name]}").register(own)
            self._made.update(typer.main.get_group(own).commands)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]


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
