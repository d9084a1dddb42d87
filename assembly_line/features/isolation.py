"""A call that reaches no file, no network and no other program, as far as Python itself opens them.

No sandbox: libraries that open files in C, such as Arrow's own readers, go past it. It shows what a function reads
beside what it was given, where that was not meant to be hidden.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

REFUSED = (
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "socket.connect",
    "socket.getaddrinfo",
    "sqlite3.connect",
    "subprocess.Popen",
)
# What importing reads, wherever it lies.
CODE = (".py", ".pyc", ".so", ".pyd", ".zip", ".egg")
SYSTEM = ("/usr/", "/lib", "/etc/", "/proc/", "/sys/", "/dev/")

_here = threading.local()


@contextmanager
def isolated_call() -> Iterator[None]:
    """Within it, this thread is refused with PermissionError what lies outside."""
    _install()
    before = getattr(_here, "isolated", False)
    _here.isolated = True
    try:
        yield
    finally:
        _here.isolated = before


@cache
def _install() -> None:
    """An audit hook stays for as long as the process does; outside of `isolated_call` it lets everything pass."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if not getattr(_here, "isolated", False):
        return
    if event == "open" and not _is_of_python(arguments[0]):
        raise PermissionError(f"opens {arguments[0]}, which is not among its events")
    if event in REFUSED:
        raise PermissionError(f"{event}: reaches for what is not among its events")


def _is_of_python(opened: object) -> bool:
    if isinstance(opened, bytes):
        opened = opened.decode(errors="replace")
    if not isinstance(opened, str | Path):
        return True
    path = str(opened)
    return path.endswith(CODE) or path.startswith((sys.prefix, sys.base_prefix, *SYSTEM))
