"""A Java runtime for the Spark tests, linked at `.tools/java`: the machine's own, else one that is fetched."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tools.installation.commands import Command, InstallationError, run

OLDEST = 17
# The first release on which Spark 4.1 fails: its Arrow exchange with Python needs what Java 25 took away.
TOO_NEW = 25
# In this order: the release that AWS Glue runs, then whatever the system's release offers.
DEBIAN_PACKAGES = ("openjdk-17-jre-headless", "default-jre-headless")
# Where Debian puts runtimes, the ones that are not on PATH too.
DEBIAN_FOLDER = Path("/usr/lib/jvm")
WHAT_TO_DO = (
    f"The Spark tests need Java {OLDEST} or newer (below {TOO_NEW}), and none could be found or fetched. Install one "
    "(on Debian and Ubuntu: apt-get install openjdk-17-jre-headless, or default-jre-headless where the release has no "
    "17), or set JAVA_HOME to one, then run the same command again."
)


def provide(root: Path, lock: Path, *, hold: int) -> None:
    """Link a fitting Java at `.tools/java`, fetching one if the machine has none.

    Raises:
        InstallationError: there is none and none could be had; says what to install.
    """
    home = find(root) or _from_debian(root, hold=hold) or _from_pypi(root, lock, hold=hold)
    if home is None:
        raise InstallationError(WHAT_TO_DO)
    link = root / ".tools" / "java"
    if link.is_symlink():
        link.unlink()
    if not link.exists():
        link.symlink_to(home)


def find(root: Path) -> Path | None:
    """The home of the first fitting Java: JAVA_HOME's, the one on PATH, or the one fetched into `.tools/`."""
    for java in _candidates(root):
        home = fitting_home(java)
        if home:
            return home
    return None


def _candidates(root: Path) -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"]) / "bin" / "java"
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    yield root / ".tools" / "java" / "bin" / "java"
    yield from sorted((root / ".tools" / "jdk").glob("*/bin/java"))
    yield from sorted(DEBIAN_FOLDER.glob("*/bin/java"))


def fitting_home(java: Path) -> Path | None:
    """The home of this Java if it runs, is of a fitting release and has what Spark starts with, else None."""
    command: Command = [java, "--add-modules=jdk.incubator.vector", "-XshowSettings:properties", "-version"]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"^\s*java\.specification\.version = (\d+)", said, re.MULTILINE)
    home = re.search(r"^\s*java\.home = (.+)$", said, re.MULTILINE)
    if not version or not home or not OLDEST <= int(version[1]) < TOO_NEW:
        return None
    return Path(home[1].strip()).resolve()


def _from_debian(root: Path, *, hold: int) -> Path | None:
    """Debian's package, where apt is there and may be used."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    logs = root / ".tools" / "logs"
    # One list out of reach need not matter: the installation shows whether it does.
    with suppress(InstallationError):
        run("Reading Debian's package lists", ["apt-get", "update"], log=logs / "apt.log", folder=root, extra=quiet)
    for package in DEBIAN_PACKAGES:
        install: Command = ["apt-get", "install", "--yes", "--no-install-recommends", package]
        try:
            run(f"Installing {package}", install, log=logs / "apt.log", folder=root, extra=quiet, hold=hold)
        except InstallationError:
            continue
        home = find(root)
        if home:
            return home
    return None


def _from_pypi(root: Path, lock: Path, *, hold: int) -> Path | None:
    """A build that PyPI's install-jdk fetches: a JDK, since a JRE may lack a module that Spark starts with."""
    python, folder = root / ".venv" / "bin" / "python", root / ".tools" / "jdk"
    logs = root / ".tools" / "logs"
    package = root / ".tools" / "install-jdk"
    pip: Command = [
        python,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--only-binary=:all:",
        "--upgrade",
        "--target",
        package,
    ]
    fetch = f"import jdk; jdk.install({str(OLDEST)!r}, path={str(folder)!r})"
    try:
        run("Fetching install-jdk", [*pip, "--requirement", lock], log=logs / "java.log", folder=root, hold=hold)
        run(
            f"Fetching Java {OLDEST}",
            [python, "-c", fetch],
            log=logs / "jdk.log",
            folder=root,
            extra={"PYTHONPATH": str(package)},
            hold=hold,
        )
    except InstallationError:
        return None
    return find(root)
