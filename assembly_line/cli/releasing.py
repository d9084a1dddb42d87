"""Publishing lines: from their folder to the release that new work uses."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.delivery import require_new_version
from assembly_line.errors import AssemblyError
from assembly_line.loader import files_digest, load_line, load_lines

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.cli.target import Target
    from assembly_line.release import Release


def release_lines(session: Session, target: Target, folder: Path, *, only: str | None = None) -> dict[str, str]:
    """Publish the declared lines under `folder`, or one of them; line -> digest.

    Raises:
        NotFound: there is no such line.
        DeclarationError: a declaration contradicts itself, or a policy changed and kept its version.
    """
    files = files_digest(folder)
    releases = {only: load_line(folder, only)} if only else load_lines(folder)
    for name, release in releases.items():
        if released := _released(target, name):
            require_new_version(f"Line {name}", release.line.policy, released.line.policy)
    store, published = target.releases, {}
    for name, release in releases.items():
        digest = store.publish(release)
        target.control.set_current_release(name, digest, files=files)
        published[name] = digest
        session.output.note(f"Released {name}: {digest[:12]}.")
    return published


def _released(target: Target, line: str) -> Release | None:
    """The release in force; None without one, or if this version cannot read it: a new one mends that."""
    try:
        return target.released.release(line)
    except AssemblyError:
        return None


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
    digest = control.current_release(line)
    try:
        if control.released_files(line) == files_digest(session.lines):
            return None
        with redirect_stdout(sys.stderr):
            declared = load_line(session.lines, line)
    except AssemblyError as error:
        return f"{str(error).splitlines()[0]}. Release {digest[:12]} is in force."
    if declared.digest == digest:
        return None
    files = ", ".join(_shown(folder / name) for name in _edited(declared, session.target.releases.read(digest)))
    return f"{files} differs from release {digest[:12]}, which is in force; `line release {line}` publishes it."


def _edited(declared: Release, released: Release) -> list[str]:
    """The line.py if its declaration differs, and every script that does."""
    now, before = declared.script_digests, released.script_digests
    scripts = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    return scripts if declared.line == released.line else ["line.py", *scripts]


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)
