"""Finding lines: imports `lines/<name>/line.py` and collects its scripts. Used by the CDK app and the CLI only."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from assembly_line.declarations.lines import Line
from assembly_line.errors import AssemblyError, DeclarationError, NotFound
from assembly_line.release import Release

# The declaration itself travels as JSON; data.py fetches public data and runs before there is anything to release.
NOT_RELEASED = ("line.py", "data.py")


def load_lines(folder: Path) -> dict[str, Release]:
    """Every line under `folder` (normally `lines/`), by name.

    Raises:
        DeclarationError: a `line.py` does not import, declares no `LINE`, or its folder has another name than the line.
    """
    files = sorted(folder.glob("*/line.py"))
    return {release.line.name: release for release in map(_load, files)}


def load_line(folder: Path, name: str) -> Release:
    """One line under `folder`.

    Raises:
        NotFound: there is no such line; the message names those there are.
    """
    file = folder / name / "line.py"
    known = sorted(path.parent.name for path in folder.glob("*/line.py"))
    if name not in known:
        raise NotFound(f"line {name!r} is not declared under {folder}; there are: {', '.join(known) or 'none'}")
    return _load(file)


def _load(file: Path) -> Release:
    spec = importlib.util.spec_from_file_location(f"_line_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise DeclarationError(f"{file}: is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except AssemblyError as error:
        raise type(error)(f"{file}: {error}") from error
    except Exception as error:
        raise DeclarationError(f"{file}: does not import: {type(error).__name__}: {error}") from error
    line = getattr(module, "LINE", None)
    if not isinstance(line, Line):
        raise DeclarationError(f"{file}: declares no LINE; expected a module-level LINE = Line(...)")
    if line.name != file.parent.name:
        raise DeclarationError(f"{file}: the line is named {line.name!r}; its folder must carry the same name")
    scripts = {
        path.name: path.read_bytes() for path in sorted(file.parent.glob("*.py")) if path.name not in NOT_RELEASED
    }
    return Release(line, scripts)
