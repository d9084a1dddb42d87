"""`python -m tools.installation demo|test` installs what a make target needs; tools/install.sh starts it.

With `--check` it installs nothing: its exit code tells whether everything is installed already.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from tools.installation import plan, python_packages
from tools.installation.commands import InstallationError

IN_ENVIRONMENT = "--in-environment"
ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Install, or check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools/install.sh", description="Install what a make target needs.")
    parser.add_argument("target", choices=plan.TARGETS)
    parser.add_argument("--check", action="store_true", help="install nothing: exit code 0 if all is installed")
    parser.add_argument(IN_ENVIRONMENT, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.check:
        return 0 if all(step.is_done() for step in plan.steps(ROOT, options.target, hold=-1)) else 1
    # Files that a Lambda reads come from here, and everybody may read those.
    os.umask(0o022)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        hold = _lock(ROOT / ".tools" / "installing")
        if options.in_environment:
            _install(options.target, hold)
        else:
            _enter_environment(options.target)
    except InstallationError as error:
        print(f"\nInstallation failed. {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInstallation interrupted. The same command begins it again.", file=sys.stderr)
        return 130
    return 0


def _enter_environment(target: str) -> None:
    """Make `.venv` if need be, and go on as its Python.

    The lock ends here and is taken again there. What another installation does in between, this one finds done.
    """
    python_packages.create(ROOT)
    python = str(ROOT / ".venv" / "bin" / "python")
    os.execv(python, [python, "-E", "-B", "-m", "tools.installation", target, IN_ENVIRONMENT])  # noqa: S606  no shell


def _install(target: str, hold: int) -> None:
    started = time.monotonic()
    for step in plan.steps(ROOT, target, hold=hold):
        step.ensure()
    seconds = time.monotonic() - started
    if seconds > 1:
        print(f"Installed in {seconds:.0f} s. The command of this folder: .venv/bin/line --help\n", file=sys.stderr)


def _lock(path: Path) -> int:
    """Wait until no other installation works in this folder; returns the descriptor that holds the lock.

    The commands that an installation runs inherit it: one that outlives a killed installation is waited for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("Another installation is at work in this folder: waiting for it", file=sys.stderr)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _interrupt(_signum: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
