"""The emulator's port over several runs: the same one if it can be had, and if not, what was stored is corrected."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from assembly_line.embedded import child_processes
from assembly_line.embedded.runtime import HOST, write_atomically
from assembly_line.embedded.state_folder import StateFolder
from assembly_line.errors import EmbeddedAwsError


def settle(folder: StateFolder, wanted: int | None, report: Callable[[str], None]) -> int:
    """Choose the port and remember it with the account, whose queues and APIs carry it in their addresses."""
    last = _last(folder)
    port = wanted or _usable(last) or child_processes.free_port()
    if last is not None and last != port:
        report(f"Port {last} of the last run is not used again; stored addresses now name port {port}.")
        _correct(folder, last, port)
    write_atomically(_memory(folder), f"{port}\n")
    return port


def _memory(folder: StateFolder) -> Path:
    return folder.account / "port"


def _last(folder: StateFolder) -> int | None:
    try:
        return int(_memory(folder).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _usable(port: int | None) -> int | None:
    if port is None:
        return None
    try:
        child_processes.require_free(port)
    except EmbeddedAwsError:
        return None
    return port


def _correct(folder: StateFolder, old: int, new: int) -> None:
    """The services' state is JSON text, in which an address can be nothing but an address."""
    address = re.compile(rf"{re.escape(HOST)}:{old}(?!\d)")
    for path in folder.services.glob("*.json"):
        text = path.read_text(encoding="utf-8")
        if address.search(text):
            write_atomically(path, address.sub(f"{HOST}:{new}", text))
