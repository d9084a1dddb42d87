"""Processes that outlive the command that started them: starting, recognising and ending them by their own id."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05
# Started by this very process: they must be waited for, else they stay as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """A process id together with what tells it from a later process that was given the same id."""

    pid: int
    birth: str


def start_detached(
    command: Sequence[str], *, environment: Mapping[str, str], folder: Path, log: Path
) -> ProcessIdentity | None:
    """Start in a session of its own, so that it survives the terminal; None if it ended at once."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    return identify(process.pid)


def identify(pid: int) -> ProcessIdentity | None:
    """Who has this id now; None if nobody, or only a zombie."""
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
        return None
    birth = _birth(pid)
    if birth is None:
        if child is not None:  # it ended since it was polled: a zombie until it is waited for
            child.wait()
            del _children[pid]
        return None
    return ProcessIdentity(pid=pid, birth=birth)


def is_alive(identity: ProcessIdentity) -> bool:
    """True only for that very process, not for another that got its id."""
    return identify(identity.pid) == identity


def end(
    identities: Sequence[ProcessIdentity],
    *,
    patience_seconds: float,
    nothing_left: Callable[[], bool] = lambda: False,
    grace_seconds: float = 0,
) -> list[ProcessIdentity]:
    """Ask to end, wait, then kill with all descendants. Returns those that had to be killed.

    Args:
        nothing_left: says that what had to be done is done; from then on they are waited for `grace_seconds` at most.
    """
    known = {child for identity in identities for child in descendants(identity)}
    for identity in identities:
        _signal(identity, signal.SIGTERM)
    deadline = time.monotonic() + patience_seconds
    while any(is_alive(identity) for identity in identities) and time.monotonic() < deadline:
        if nothing_left():
            deadline, nothing_left = min(deadline, time.monotonic() + grace_seconds), lambda: False
        time.sleep(POLL_SECONDS)
    stubborn = [identity for identity in identities if is_alive(identity)]
    known |= {child for identity in stubborn for child in descendants(identity)}
    kill([*stubborn, *known])
    return stubborn


def kill(identities: Sequence[ProcessIdentity]) -> None:
    """Kill at once and wait until they are gone (at most five seconds)."""
    for identity in identities:
        _signal(identity, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while any(is_alive(identity) for identity in identities) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def descendants(identity: ProcessIdentity) -> list[ProcessIdentity]:
    """Children, their children and so on, while the parent lives."""
    parents = {pid: parent for pid, parent in _all_processes() if parent != pid}
    found: list[ProcessIdentity] = []
    frontier = {identity.pid}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found += [child for pid in frontier if (child := identify(pid))]
    return found


def mentioning(text: str) -> list[ProcessIdentity]:
    """Processes of this user whose command line holds the text; Linux only, elsewhere none."""
    found = []
    for folder in _process_folders():
        with contextlib.suppress(OSError):
            if text.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != os.getpid():
                found.append(identify(int(folder.name)))
    return [identity for identity in found if identity]


def _signal(identity: ProcessIdentity, number: signal.Signals) -> None:
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError):
            os.kill(identity.pid, number)


def _process_folders() -> list[Path]:
    proc = Path("/proc")
    return [folder for folder in proc.iterdir() if folder.name.isdigit()] if proc.is_dir() else []


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/<pid>/stat from the state on: state, parent, ... (start time is the twentieth)."""
    try:
        content = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command's name stands in parentheses and may hold blanks.
    return content.rpartition(")")[2].split()


def _birth(pid: int) -> str | None:
    if Path("/proc/self/stat").exists():
        fields = _stat(pid)
        return None if fields is None or fields[0] in "ZX" else fields[19]
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, birth = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else birth.strip()


def _all_processes() -> list[tuple[int, int]]:
    folders = _process_folders()
    if folders:
        stats = ((int(folder.name), _stat(int(folder.name))) for folder in folders)
        return [(pid, int(fields[1])) for pid, fields in stats if fields]
    answer = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=False)
    return [(int(pid), int(parent)) for pid, parent in (line.split() for line in answer.stdout.splitlines())]
