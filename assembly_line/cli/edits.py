"""Whether a line's folder still says what was released."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.errors import AssemblyError
from assembly_line.scripts import files_digest

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.release import Release


def warn_of_edits(session: Session, line: str) -> None:
    """Say that the line is declared otherwise here than it was released: the command uses what was released."""
    if said := edits(session, line):
        session.output.note(said)


def edits(session: Session, line: str) -> str | None:
    """How the line's folder differs from the release in force, in a sentence; None if it does not, or is not here.

    Raises:
        NotFound: the line was never released here.
    """
    folder = session.lines / line
    if not (folder / "line.py").is_file():
        return None
    control = session.target.control
    try:
        if control.released_files(line) == files_digest(session.lines):
            return None
        declared = _declared(session, line)
    except AssemblyError as error:
        return f"{str(error).splitlines()[0]}. Release {control.current_release(line)[:12]} is in force."
    digest = control.current_release(line)
    if declared.digest == digest:
        return None
    files = ", ".join(_shown(folder / name) for name in _edited(declared, session.target.releases.read(digest)))
    return f"{files} differs from release {digest[:12]}, which is in force; `line release {line}` publishes it."


def _declared(session: Session, line: str) -> Release:
    """The line as its folder declares it. Importing what loads it takes most of a command's time."""
    from assembly_line.loader import load_line

    with redirect_stdout(sys.stderr):
        return load_line(session.lines, line)


def _edited(declared: Release, released: Release) -> list[str]:
    """The line.py if its declaration differs, and every script that does."""
    now, before = declared.script_digests, released.script_digests
    scripts = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    return scripts if declared.line == released.line else ["line.py", *scripts]


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
