"""The Lambda dependency layer: wheels for Lambda's Python and system, fetched here so that synth needs no network."""

from __future__ import annotations

import shutil
from pathlib import Path

from tools.installation.commands import Command, run

PYTHON = "3.14"
# Both, oldest last: with manylinux2014 alone the newest wheels of DuckDB would not be found.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# Weight that nothing imports at run time: packages' own tests, types for editors, static libraries and headers.
_UNUSED_FOLDERS = ("tests", "__pycache__", "include")
_UNUSED_SUFFIXES = {".pyc", ".pyi", ".a", ".h"}
# How and where pip installed: they differ from machine to machine, and the layer's digest must not.
_TRACES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def build(root: Path, lock: Path, *, hold: int) -> None:
    """Lay out `.tools/layer/python` from the lock, stripped of what a Lambda never imports.

    The same lock gives the same bytes on every machine, so that the layer's asset changes only with its lock.
    """
    layer, unfinished = root / ".tools" / "layer", root / ".tools" / "layer.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    target = unfinished / "python"
    platforms = [f"--platform={platform}" for platform in PLATFORMS]
    interpreter = [f"--python-version={PYTHON}", "--implementation=cp"]
    from_lock: Command = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--requirement", lock]
    pip: Command = [root / ".venv" / "bin" / "python", "-m", "pip", "install", "--no-compile", "--target", target]
    log = root / ".tools" / "logs" / "layer.log"
    run("Fetching the Lambda layer", [*pip, *interpreter, *platforms, *from_lock], log=log, folder=root, hold=hold)
    strip(target)
    shutil.rmtree(layer, ignore_errors=True)
    unfinished.rename(layer)


def strip(target: Path) -> None:
    """Remove from an installed tree what a Lambda never imports, and what differs between machines."""
    for folder in [target / "bin", *target.glob("*-stubs")]:
        shutil.rmtree(folder, ignore_errors=True)
    for path in sorted(target.rglob("*"), reverse=True):
        in_metadata = path.parent.name.endswith(".dist-info")
        if path.is_dir() and not path.is_symlink():
            if path.name in _UNUSED_FOLDERS:
                shutil.rmtree(path)
        elif path.suffix in _UNUSED_SUFFIXES or (in_metadata and path.name in _TRACES):
            path.unlink()
