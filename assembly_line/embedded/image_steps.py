"""The first step of SageMaker's images, run here: their pip installs a release's scripts, with no index to ask.

The venv has no pip and no setuptools, as the build environment of the images has none; the pip is the image's own
release, which the extra `embedded` pins.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from assembly_line.proof.findings import Finding, Judgement, fault
from assembly_line.release import Release
from assembly_line.training import installable

CHECK = "images"
LIMIT_SECONDS = 120
# As the images' tools lay the script folder out when it brings no setup.py of its own.
SETUP = (
    "from setuptools import setup\nsetup(packages=[''], name='{name}', version='1.0.0', include_package_data=True)\n"
)
MANIFEST = "recursive-include . *\n"
FIND = "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)"
NOT_JUDGED = (
    "The images themselves: their pip and their installation step run here, their Python and libraries do not.",
)


def judged_installations(releases: Iterable[Release]) -> Judgement:
    """Install the scripts of every release, and look for the modules that training and serving import."""
    found: list[Finding] = []
    releases = list(releases)
    for release in releases:
        with tempfile.TemporaryDirectory(prefix="image-") as folder:
            found += _installed(release, Path(folder))
    return Judgement(
        check=CHECK, counts={"releases": len(releases)}, findings=tuple(sorted(found)), not_judged=NOT_JUDGED
    )


def _installed(release: Release, folder: Path) -> list[Finding]:
    line, code = release.line, folder / "code"
    code.mkdir()
    for name, content in installable(release.scripts).items():
        (code / name).write_bytes(content)
    (code / "setup.py").write_text(SETUP.format(name=Path(line.training.script).stem), encoding="utf-8")
    (code / "MANIFEST.in").write_text(MANIFEST, encoding="utf-8")
    python = folder / "venv" / "bin" / "python"
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], folder)
    training = line.training
    image = training.image or f"{training.framework} {training.framework_version}"
    place = f"{line.name}: {image}, pip {version('pip')}"
    answer = _run([sys.executable, "-m", "pip", "--python", str(python), "install", "."], code)
    if answer.returncode:
        reason = next((text for text in answer.stderr.splitlines() if "ERROR" in text), answer.stderr[-200:])
        return [
            fault(
                CHECK, place, f"`pip install .` fails without a network: {reason.strip()[:200]}", "see code_folder.py"
            )
        ]
    return [
        fault(CHECK, place, f"the installed scripts have no module {module}", "name it in the line's training")
        for module in (Path(line.training.script).stem, Path(line.training.inference).stem)
        if _run([str(python), "-I", "-c", FIND, module], folder).returncode
    ]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "HOME": str(folder), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
