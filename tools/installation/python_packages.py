"""The virtual environment `.venv`: made once, filled from the lock files by pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

from tools.installation.commands import Command, run

# Published as source only. The lock's setuptools builds it, in this environment and not in one fetched for the purpose.
BUILT_FROM_SOURCE = "pyspark"
# Large, and imported in part or not at all: Python compiles what it needs of them on first import.
COMPILED_LATER = r"/(aws_cdk|sympy|pyspark/examples)/"

_PIP_BEGINS = "Installing collected packages"

# The first two lines are a shell script and, for Python, a string: a path of any length may stand there.
_LAUNCHER = """\
#!/bin/sh
'''exec' "{python}" "$0" "$@"
' '''
# The command `{name}` of this folder, from wherever it is called.
import sys

sys.path[0] = {root!r}
from {module} import {function}

sys.exit({function}())
"""


# Python runs a line of a `.pth` file that begins with an import. Handlers and jobs of the embedded AWS are told by the
# variable to find their code in their own bundle, as in AWS, and not because it happens to lie in this folder.
HIDDEN = "ASSEMBLY_LINE_BUNDLE_ONLY"
PATH_FILE = "assembly_line.pth"
_PATH = "import os, sys; {hidden!r} in os.environ or sys.path.append({root!r})\n"


def create(root: Path) -> None:
    """Make `.venv` of the running Python where there is none that works, or where an installation broke off in it."""
    venv, unfinished = root / ".venv", _unfinished_mark(root)
    if venv.exists() and (unfinished.exists() or not _works(venv)):
        print("The environment in .venv is not whole: making it anew", file=sys.stderr)
        shutil.rmtree(venv)
    if not venv.exists():
        unfinished.parent.mkdir(parents=True, exist_ok=True)
        unfinished.touch()
        log = root / ".tools" / "logs" / "venv.log"
        # Not sys.executable: somebody who activated this very .venv runs the Python that was just deleted.
        python = getattr(sys, "_base_executable", sys.executable)
        run("Creating .venv", [python, "-E", "-m", "venv", venv], log=log, folder=root)
        unfinished.unlink()


def install(root: Path, lock: Path, *, what: str, hold: int) -> None:
    """Bring `.venv` to the versions of a lock file, each package checked by its digest.

    pip finds the packages by the user's own configuration (mirror, proxy, certificates): the lock names no address.
    Bytecode is compiled afterwards on all cores, which takes half as long as pip's own way.
    """
    python, unfinished = root / ".venv" / "bin" / "python", _unfinished_mark(root)
    from_lock: Command = [
        "--require-hashes",
        "--only-binary=:all:",
        f"--no-binary={BUILT_FROM_SOURCE}",
        "--requirement",
        lock,
    ]
    offline_build = ["--no-build-isolation", "--use-pep517", "--no-compile"]
    log = root / ".tools" / "logs" / f"{lock.stem}.log"
    unfinished.touch()
    try:
        run(what, [python, "-m", "pip", "install", *offline_build, *from_lock], log=log, folder=root, hold=hold)
    except BaseException:
        # pip fetches everything before it changes anything: without a network, what is installed stays good.
        if _PIP_BEGINS not in log.read_text():
            unfinished.unlink()
        raise
    compiling: Command = [python, "-m", "compileall", "-q", "-j", "0", "-x", COMPILED_LATER, site_packages()]
    log = root / ".tools" / "logs" / "compileall.log"
    # Saves time later, no more. What cannot be compiled (files for other releases of Python) nobody imports.
    run("Compiling them", compiling, log=log, folder=root, hold=hold, may_fail=True)
    unfinished.unlink()


def install_project(root: Path) -> None:
    """Let every program of `.venv` import the project from its folder, and write its commands into `.venv/bin`.

    As `pip install --editable` would, but for what runs in the embedded AWS: there the folder stays hidden.
    """
    (site_packages() / PATH_FILE).write_text(path_file(root))
    write_commands(root)


def path_file(root: Path) -> str:
    """Content of the file that puts the folder on the path."""
    return _PATH.format(hidden=HIDDEN, root=str(root))


def write_commands(root: Path) -> None:
    """Write a launcher into `.venv/bin` for each of pyproject.toml's `[project.scripts]`."""
    scripts = tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"]
    folder = root / ".venv" / "bin"
    for name, target in scripts.items():
        module, function = target.split(":")
        text = _LAUNCHER.format(python=folder / "python", root=str(root), name=name, module=module, function=function)
        launcher = folder / name
        launcher.write_text(text)
        launcher.chmod(0o755)


def site_packages() -> Path:
    """Where the packages of the running Python lie."""
    return Path(sysconfig.get_path("purelib"))


def _works(venv: Path) -> bool:
    """Whether the environment's Python starts, is new enough, has pip, and lies where it was made."""
    probe = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    command: Command = [venv / "bin" / "python", "-E", "-c", probe]
    if not os.access(venv / "bin" / "python", os.X_OK) or subprocess.run(command, check=False).returncode:
        return False
    pip = venv / "bin" / "pip"
    return pip.exists() and str(venv) in pip.read_text()[:1000]


def _unfinished_mark(root: Path) -> Path:
    return root / ".tools" / "venv.unfinished"
