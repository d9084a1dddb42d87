"""A call that reaches no file, no network and no other program, as far as Python itself opens them.

No sandbox: libraries that open files in C, such as Arrow's own readers, go past it, and a module may be imported from
anywhere. It shows what a function reads beside what it was given, where that was not meant to be hidden.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import zoneinfo
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
# What importing reads, wherever a module lies; nobody else may open such a file outside of the libraries.
CODE = (".py", ".pyc", ".so", ".pyd", ".zip", ".egg")
IMPORTING = ("<frozen importlib._bootstrap_external>", "<frozen zipimport>")
INSTALLED = ("site-packages", "dist-packages")
DEVICES = ("/dev/null", "/dev/urandom")

_here = threading.local()


@contextmanager
def isolated_call() -> Iterator[None]:
    """Within it, this thread is refused with PermissionError what lies outside."""
    _install()
    _libraries()
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
    if event == "open" and not _is_of_python(arguments[0], sys._getframe(1).f_code.co_filename):
        raise PermissionError(f"opens {arguments[0]}, which is not among its events")
    if event in REFUSED:
        raise PermissionError(f"{event}: reaches for what is not among its events")


def _is_of_python(opened: object, opener: str) -> bool:
    """Whether a file is code that is being imported, or belongs to Python, its libraries or its time zones."""
    if not isinstance(opened, str | bytes | Path):
        return True
    path = os.path.realpath(os.fsdecode(opened))
    if opener in IMPORTING and path.endswith(CODE):
        return True
    return path in DEVICES or path.startswith(_libraries())


@cache
def _libraries() -> tuple[str, ...]:
    """The folders of the standard library, of installed packages, and of the system's time zones."""
    own = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *zoneinfo.TZPATH]
    installed = [path for path in sys.path if os.path.basename(path) in INSTALLED]  # noqa: PTH119 - as they stand there
    return tuple(f"{os.path.realpath(path)}{os.sep}" for path in (*own, *installed))
