"""Finding lines: imports `lines/<name>/line.py` and collects its scripts. Used by the CDK app and the CLI only.

What several lines declare alike stands once, in `lines/shared/`: a `line.py` takes it by
`from lines.shared.retail import TRANSACTIONS`, whatever the folder is called and wherever the command runs.
"""

from __future__ import annotations

import importlib.util
import linecache
import sys
import textwrap
import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from assembly_line.declarations.lines import Line
from assembly_line.declarations.udfs import UdfFeature
from assembly_line.errors import AssemblyError, DeclarationError, NotFound
from assembly_line.packages import REQUIREMENTS
from assembly_line.release import Release
from assembly_line.scripts import read_script

# The declaration itself travels as JSON; data.py fetches public data and runs before there is anything to release.
NOT_RELEASED = ("line.py", "data.py")
PACKAGE = "lines"
SHOWN = 100  # characters of what a declaration says
SHARED = "shared"


def load_lines(folder: Path) -> dict[str, Release]:
    """Every line under `folder` (normally `lines/`), by name.

    Raises:
        DeclarationError: a `line.py` does not import, declares no `LINE`, or its folder has another name than the line.
    """
    with _importable(folder):
        return {release.line.name: release for release in map(_load, sorted(folder.glob("*/line.py")))}


def load_line(folder: Path, name: str) -> Release:
    """One line under `folder`.

    Raises:
        NotFound: there is no such line; the message names those there are.
    """
    file = folder / name / "line.py"
    known = sorted(path.parent.name for path in folder.glob("*/line.py"))
    if name not in known:
        raise NotFound(
            f"line {name!r} is not declared under {folder}; there are: {', '.join(known) or 'none'}",
            where="line",
            value=repr(name),
            expected=f"one of {', '.join(known) or 'none'}",
        )
    with _importable(folder):
        return _load(file)


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Within, `lines` is the package in this folder, read anew; afterwards it is what it was."""
    outer = _modules()
    package = ModuleType(PACKAGE)
    package.__path__ = [str(folder.resolve())]
    importlib.invalidate_caches()
    _replace(outer, {PACKAGE: package})
    try:
        yield
    finally:
        _replace(_modules(), outer)


def _modules() -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if f"{name}.".startswith(f"{PACKAGE}.")}


def _replace(known: Mapping[str, ModuleType], others: Mapping[str, ModuleType]) -> None:
    for name in known:
        del sys.modules[name]
    sys.modules.update(others)


def _load(file: Path) -> Release:
    spec = importlib.util.spec_from_file_location(f"_line_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise DeclarationError(
            f"{file}: is not a Python file", where=str(file), value="no module", expected="a Python file"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        with warnings.catch_warnings():
            # Python tells nobody but a script's own author of old names.
            warnings.filterwarnings("default", r"assembly_line\.", DeprecationWarning)
            spec.loader.exec_module(module)
    except AssemblyError as error:
        raise type(error)(f"{file}: {error}", **_parts(file, error)) from error
    except Exception as error:
        raise DeclarationError(
            f"{file}: does not import: {type(error).__name__}: {error}", **_parts(file, error, expected="what imports")
        ) from error
    line = getattr(module, "LINE", None)
    if not isinstance(line, Line):
        raise DeclarationError(
            f"{file}: declares no LINE; expected a module-level LINE = Line(...)",
            where=f"{file}: LINE",
            value=type(line).__name__,
            expected="a module-level LINE = Line(...)",
        )
    if line.name != file.parent.name:
        raise DeclarationError(
            f"{file}: the line is named {line.name!r}; its folder must carry the same name",
            where=f"{file}: LINE: name",
            value=repr(line.name),
            expected=repr(file.parent.name),
        )
    return Release(line, _scripts(file.parent) | _shared_scripts(line, file.parent))


def _parts(file: Path, error: Exception, *, expected: str | None = None) -> dict[str, str]:
    """Where, value and expected of what a declaration refused: the place in the file, what is written there, the rule.

    A check of a declaration knows the declaration, not the text that made it; the traceback does.
    """
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    # A file that is no Python has no frame; the error names the line.
    first = (frames[-1] if frames else error).lineno or 1  # type: ignore[union-attr]
    last = (frames[-1] if frames else error).end_lineno or first  # type: ignore[union-attr]
    written = "".join(linecache.getlines(str(file))[first - 1 : last])
    value = textwrap.shorten(written, SHOWN, placeholder="...") or "nothing"
    return {"where": f"{file}:{first}", "value": value, "expected": expected or str(error)}


def _scripts(folder: Path) -> dict[str, bytes]:
    """What a release takes along: every script in the line's folder, its requirements, and nothing below it."""
    scripts = {path.name: read_script(path) for path in sorted(folder.glob("*.py")) if path.name not in NOT_RELEASED}
    required = folder / REQUIREMENTS
    return scripts | ({REQUIREMENTS: read_script(required)} if required.is_file() else {})


def _shared_scripts(line: Line, folder: Path) -> dict[str, bytes]:
    """Scripts of UDFs that stand beside the lines, for several of them."""
    found = {}
    for script in {feature.script for feature in line.features.values() if isinstance(feature, UdfFeature)}:
        shared = folder.parent / SHARED / script
        if not shared.is_file():
            continue
        if (folder / script).is_file():
            raise DeclarationError(
                f"Line {line.name}: script {script!r} is there twice, as {folder / script} and {shared}; rename one",
                where=f"{folder / script}",
                value=f"beside {shared}",
                expected="one script of a name",
            )
        found[script] = read_script(shared)
    return found
