"""Copies of a cleanly stopped account, so that a demonstration can begin again from "just deployed" in seconds."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from assembly_line.embedded.runtime import read_runtime
from assembly_line.embedded.state_folder import StateFolder, explaining_full_disk, moved_aside
from assembly_line.errors import EmbeddedAwsError

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


def snapshot(state: Path, name: str) -> Path:
    """Keep a copy of the stopped account under this name; an older one of the same name is replaced.

    Raises:
        EmbeddedAwsError: it still runs, was not closed cleanly, or the disk is full.
    """
    folder = StateFolder(state.resolve())
    target = _place(folder, name)
    with explaining_full_disk(folder), folder.locked():
        _require_stopped(folder)
        if not folder.clean.exists():
            raise EmbeddedAwsError(f"{folder.account}: not closed cleanly, so it cannot be kept; run `line down` first")
        with _copied(folder.account, target) as copy:
            shutil.rmtree(target, ignore_errors=True)
            copy.rename(target)
    return target


def restore(state: Path, name: str, report: Callable[[str], None]) -> None:
    """Put the named copy in place of the account. What a demo left there is removed, anything else is moved aside.

    Raises:
        EmbeddedAwsError: it still runs, there is no such snapshot, or the disk is full.
    """
    folder = StateFolder(state.resolve())
    source = _place(folder, name)
    if not source.is_dir():
        known = ", ".join(snapshots(state)) or "none"
        raise EmbeddedAwsError(f"{folder.snapshots}: no snapshot named {name!r}; there are: {known}")
    with explaining_full_disk(folder), folder.locked():
        _require_stopped(folder)
        with _copied(source, folder.account) as copy:
            aside = folder.give_way()
            copy.rename(folder.account)
        if aside is not None:
            report(moved_aside(aside, f"The account gave way to the copy {name!r}"))


def snapshots(state: Path) -> list[str]:
    """Names of the copies that are kept."""
    folder = StateFolder(state.resolve())
    if not folder.snapshots.is_dir():
        return []
    return sorted(entry.name for entry in folder.snapshots.iterdir() if NAME.fullmatch(entry.name))


def _place(folder: StateFolder, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise EmbeddedAwsError(f"snapshot name {name!r}: expected small letters, digits and hyphens, a letter first")
    return folder.snapshots / name


def _require_stopped(folder: StateFolder) -> None:
    if read_runtime(folder.runtime) is not None:
        raise EmbeddedAwsError(f"{folder.root}: the embedded AWS is running; stop it first (`line down`)")


@contextmanager
def _copied(source: Path, target: Path) -> Iterator[Path]:
    """A copy beside the target, to be moved there, so that a failure leaves the target as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.new")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        shutil.copytree(source, temporary)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
