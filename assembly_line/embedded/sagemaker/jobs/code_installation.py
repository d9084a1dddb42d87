"""The images of XGBoost and scikit-learn install the script folder with pip before they run it; so does this machine.

Source: github.com/aws/sagemaker-containers, `_modules.py` (`prepare`, `install`), which both images serve with and
XGBoost's trains with. Scikit-learn trains with sagemaker-training, which installs no plain script.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from assembly_line.embedded.sagemaker.jobs.container import Container, base_environment
from assembly_line.embedded.sagemaker.jobs.isolation import Isolation
from assembly_line.embedded.sagemaker.jobs.job_desk import JobDesk
from assembly_line.errors import JobFailed

INSTALLED_TO_TRAIN = ("sagemaker-xgboost",)
INSTALLED_TO_SERVE = ("sagemaker-xgboost", "sagemaker-scikit-learn")
LIMIT_SECONDS = 120.0
GRACE_SECONDS = 1.0
_SETUP = (
    "from setuptools import setup\nsetup(packages=[''], name='{name}', version='1.0.0', include_package_data=True)\n"
)
_MANIFEST = "recursive-include . *\n"


def installs(image: str, images: tuple[str, ...]) -> bool:
    return any(name in image for name in images)


def install(code: Path, program: str, desk: JobDesk) -> Path:
    """Install the folder as the container does, and return where its modules are.

    A job that is told to stop meanwhile ends the installation; whoever runs the job sees that by itself.

    Raises:
        JobFailed: pip failed. In an isolated container it can fetch nothing.
    """
    setup = code / "setup.py"
    if not setup.exists():
        setup.write_text(_SETUP.format(name=Path(program).stem), encoding="utf-8")
        (code / "MANIFEST.in").write_text(_MANIFEST, encoding="utf-8")
    target = desk.tree / "installed"
    command = [sys.executable, "-m", "pip", "install", "."]
    if (code / "requirements.txt").exists():
        command += ["-r", "requirements.txt"]
    container = Container(
        command,
        environment=base_environment(desk.tree, threads=desk.threads, code=code, isolation=desk.isolation)
        | _pip(target, desk.isolation),
        cwd=code,
        isolation=desk.isolation,
        log=desk.log,
    )
    status = container.wait(desk.stop, deadline=time.monotonic() + LIMIT_SECONDS, grace_seconds=GRACE_SECONDS)
    if status != 0 and not desk.stop.is_set():
        raise JobFailed(
            f"AlgorithmError: InstallModuleError: `pip install .` on the script folder ended with status {status}: "
            f"{_reason(desk)}. An isolated container fetches nothing: the folder needs a pyproject.toml that "
            "requires nothing and a build backend of its own, as every release of a line has"
        )
    return target


def _pip(target: Path, isolation: Isolation) -> dict[str, str]:
    """Pip's settings: an image has no configuration, and this machine's must not help where a container gets none."""
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_TARGET": str(target), "PIP_NO_CACHE_DIR": "1"}
    settings |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    if isolation is Isolation.NONE:
        # The container would fetch setuptools; here the environment's own stands for it.
        return settings | {"PIP_NO_BUILD_ISOLATION": "0"}
    return settings | {"PIP_NO_INDEX": "1"}


def _reason(desk: JobDesk) -> str:
    lines = [line.strip() for line in desk.log.error_lines() if "ERROR" in line]
    return lines[0] if lines else "it said no more"
