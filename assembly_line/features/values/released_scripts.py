"""Functions of a line's own scripts, from the very bytes that were released: no file on the disk stands in for them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.abc import SourceLoader
from types import ModuleType
from typing import Any

from assembly_line.canonical import digest_bytes
from assembly_line.errors import FeatureFunctionFailed

# File name -> content.
Scripts = Mapping[str, bytes]


class Isolated(dict[str, bytes]):
    """Scripts for a recomputation: each question goes to a function that was just loaded, and remembers no other."""


def function_of(scripts: Scripts, script: str, function: str) -> Callable[..., Any]:
    """A function of a script.

    Raises:
        FeatureFunctionFailed: the script is not there, does not import, or has no such function.
    """
    if script not in scripts:
        raise FeatureFunctionFailed(
            f"{script}: is needed for {function}() and was not handed over; there are {', '.join(scripts) or 'none'}"
        )
    load = _run if isinstance(scripts, Isolated) else _module
    found = getattr(load(script, scripts[script]), function, None)
    if not callable(found):
        raise FeatureFunctionFailed(f"{script}: has no function {function}; define `def {function}(events)` in it")
    return found  # type: ignore[no-any-return]


class _Content(SourceLoader):
    def __init__(self, script: str, content: bytes) -> None:
        self._script, self._content = script, content

    def get_filename(self, fullname: str) -> str:  # noqa: ARG002 - the loader of one module
        return self._script

    def get_data(self, path: bytes | str) -> bytes:  # noqa: ARG002
        return self._content


@lru_cache(maxsize=32)
def _module(script: str, content: bytes) -> ModuleType:
    """The script as a module of its own, run once in a process."""
    return _run(script, content)


def _run(script: str, content: bytes) -> ModuleType:
    name = f"_released_{script.removesuffix('.py')}_{digest_bytes(content)[:16]}"
    spec = importlib.util.spec_from_loader(name, _Content(script, content), origin=script)
    if spec is None or spec.loader is None:
        raise FeatureFunctionFailed(f"{script}: is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses and pickle look a class's module up by its name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise FeatureFunctionFailed(f"{script}: does not import: {cause(error, script)}") from error
    return module


def cause(error: BaseException, script: str) -> str:
    """An exception in one line, with the last line of the script that it passed through."""
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    where = f" ({script}, line {lines[-1]})" if lines else ""
    said = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {said}{where}"
