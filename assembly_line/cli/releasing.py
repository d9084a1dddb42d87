"""Publishing lines: from their folder to the release that new work uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.loader import load_line, load_lines
from assembly_line.storage.models.releases import ReleaseStore

if TYPE_CHECKING:
    from assembly_line.cli.session import Session
    from assembly_line.cli.target import Target


def release_lines(session: Session, target: Target, folder: Path, *, only: str | None = None) -> dict[str, str]:
    """Publish the declared lines under `folder`, or one of them; line -> digest.

    Raises:
        NotFound: there is no such line.
        DeclarationError: a declaration contradicts itself.
    """
    releases = {only: load_line(folder, only)} if only else load_lines(folder)
    store, published = ReleaseStore(target.store), {}
    for name, release in releases.items():
        digest = store.publish(release)
        target.control.set_current_release(name, digest)
        published[name] = digest
        session.output.note(f"Released {name}: {digest[:12]}.")
    return published
