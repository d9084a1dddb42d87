"""Publishing lines: from their folder to the release that new work uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.cli.wheels import fetched
from assembly_line.delivery import require_new_version
from assembly_line.errors import AssemblyError
from assembly_line.loader import load_line, load_lines
from assembly_line.scripts import files_digest

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
    store, published, caller = target.releases, {}, target.caller()
    for name, release in releases.items():
        wheels = fetched(release) if release.packages and not store.has(release) else {}
        digest = store.publish(release, wheels)
        target.control.set_current_release(name, digest, files=files, by=caller)
        published[name] = digest
        session.output.note(f"Released {name}: {digest[:12]}.")
    return published


def _released(target: Target, line: str) -> Release | None:
    """The release in force; None without one, or if this version cannot read it: a new one mends that."""
    try:
        return target.released.release(line)
    except AssemblyError:
        return None
