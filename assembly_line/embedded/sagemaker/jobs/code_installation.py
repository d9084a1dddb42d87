"""Some images install the script folder with pip before they run it; so does this machine.

Source: github.com/aws/sagemaker-containers, `_modules.py` (`prepare`, `install`).
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from assembly_line.embedded.sagemaker.jobs.container import INSTALLED, Container, base_environment
from assembly_line.embedded.sagemaker.jobs.interpreters import installed
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_desk import JobDesk
from assembly_line.errors import JobFailed

LIMIT_SECONDS = 120.0
GRACE_SECONDS = 1.0
REQUIREMENTS, MISSING = "requirements.txt", "missing.txt"
EXACT = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[\w.!+-]+)")
_SETUP = (
    "from setuptools import setup\nsetup(packages=[''], name='{name}', version='1.0.0', include_package_data=True)\n"
)
_MANIFEST = "recursive-include . *\n"


def install(code: Path, program: str, desk: JobDesk, python: str) -> Path:
    """Install the folder and what it requires as the container does, and return where its modules are.

    A job that is told to stop meanwhile ends the installation; whoever runs the job sees that by itself.

    Raises:
        JobFailed: pip failed. In an isolated container it can fetch nothing.
    """
    setup = code / "setup.py"
    if not setup.exists():
        setup.write_text(_SETUP.format(name=Path(program).stem), encoding="utf-8")
        (code / "MANIFEST.in").write_text(_MANIFEST, encoding="utf-8")
    _run_pip(["."], code, desk, python)
    return desk.tree / INSTALLED


def install_requirements(code: Path, desk: JobDesk, python: str) -> None:
    """Install what the folder requires, where the container does not install the folder itself.

    Raises:
        JobFailed: pip failed.
    """
    if (code / REQUIREMENTS).exists():
        _run_pip([], code, desk, python)


def _run_pip(what: list[str], code: Path, desk: JobDesk, python: str) -> None:
    missing = _missing(code, python)
    if missing:
        # Beside the file of the release, whose options name the folder of its wheels.
        (code / MISSING).write_text("\n".join(missing) + "\n", encoding="utf-8")
        what = [*what, "-r", MISSING]
    if not what:
        return
    others = [] if python == sys.executable else ["--python", python]
    container = Container(
        [sys.executable, "-m", "pip", *others, "install", *what],
        environment=base_environment(desk.tree, threads=desk.threads, code=code, isolation=desk.isolation)
        | _pip(desk.tree / INSTALLED, desk.isolation),
        cwd=code,
        isolation=desk.isolation,
        log=desk.log,
    )
    status = container.wait(desk.stop, deadline=time.monotonic() + LIMIT_SECONDS, grace_seconds=GRACE_SECONDS)
    if status != 0 and not desk.stop.is_set():
        said = f"`pip install {' '.join(what)}` in the script folder ended with status {status}: {_reason(desk)}"
        raise JobFailed(f"AlgorithmError: InstallModuleError: {said}. {_advice(missing, python)}")


def _missing(code: Path, python: str) -> list[str]:
    """The lines of the folder's requirements that this interpreter does not fulfil in exactly the named version."""
    if not (code / REQUIREMENTS).exists():
        return []
    lines = [line.strip() for line in (code / REQUIREMENTS).read_text(encoding="utf-8").splitlines()]
    named = {line: EXACT.fullmatch(line) for line in lines}
    found = installed(python, [each["name"] for each in named.values() if each])
    met = {line for line, each in named.items() if each and found.get(each["name"]) == each["version"]}
    missing = [line for line in named if line and line not in met]
    return missing if any(not line.startswith("-") for line in missing) else []


def _advice(missing: list[str], python: str) -> str:
    exact = [line for line in missing if EXACT.fullmatch(line)]
    if exact:
        return (
            f"{python} has none of these, and no wheel in the folder is for it: install them there by `pip install "
            f"{' '.join(exact)}`, or start with `line up --interpreter` and a Python of the image's version"
        )
    return (
        "An isolated container fetches nothing: the folder needs a pyproject.toml that requires nothing and a build "
        "backend of its own, as every release of a line has"
    )


def _pip(target: Path, isolation: Isolation) -> dict[str, str]:
    """Pip's settings: an image has no configuration, and this machine's must not help where a container gets none."""
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_TARGET": str(target), "PIP_NO_CACHE_DIR": "1"}
    settings |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    if isolation is Isolation.NONE:
        # The container would fetch setuptools; here the environment's own stands for it.
        return settings | {"PIP_NO_BUILD_ISOLATION": "0"}
    # In a folder of the job pip sees nothing of what the interpreter has, so it must not look for what that needs.
    return settings | {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1"}


def _reason(desk: JobDesk) -> str:
    lines = [line.strip() for line in desk.log.error_lines() if "ERROR" in line]
    return lines[0] if lines else "it said no more"
