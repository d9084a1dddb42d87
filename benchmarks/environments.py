"""Environments of their own for the engines that the project does not depend on, from lock files with digests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tools.installation.commands import InstallationError, run

ROOT = Path(__file__).parents[1]


class NotInstalled(Exception):
    """An engine is left out; the message says why."""


def python_of(name: str) -> Path:
    """The Python of the environment `.tools/<name>`, installed from requirements/<name>.lock if it is not yet.

    Raises:
        NotInstalled: there is no such lock, or its packages cannot be had.
    """
    folder, lock = ROOT / ".tools" / name, ROOT / "requirements" / f"{name}.lock"
    python, stamp = folder / "bin" / "python", folder / "installed.lock"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes() and python.exists():
        return python
    logs = ROOT / ".tools" / "logs"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        base = getattr(sys, "_base_executable", sys.executable)
        run(f"Creating .tools/{name}", [base, "-E", "-m", "venv", folder], log=logs / f"{name}-venv.log", folder=ROOT)
        run(
            f"Installing {lock.name}",
            [python, "-m", "pip", "install", "--require-hashes", "--only-binary=:all:", "--requirement", lock],
            log=logs / f"{name}.log",
            folder=ROOT,
        )
    except InstallationError as error:
        raise NotInstalled(f"requirements/{lock.name} could not be installed ({str(error).splitlines()[0]})") from error
    shutil.copyfile(lock, stamp)
    return python
