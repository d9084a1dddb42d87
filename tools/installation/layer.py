"""The Lambda layers: wheels for Lambda's Python and system, fetched here so that synth needs no network."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from tools.installation.commands import Command, run

PYTHON = "3.14"
# The first that an archive can state.
FIRST_DATE = (1980, 1, 1, 0, 0, 0)
# An ordinary file that everybody may read.
READABLE = 0o100644
# Both, oldest last: with manylinux2014 alone the newest wheels of DuckDB would not be found.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
# Weight that nothing imports at run time: packages' own tests, types for editors, static libraries and headers.
_UNUSED_FOLDERS = ("tests", "__pycache__", "include")
_UNUSED_SUFFIXES = {".pyc", ".pyi", ".a", ".h"}
# How and where pip installed: they differ from machine to machine, and the layer's digest must not.
_TRACES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}


def build(root: Path, lock: Path, *, hold: int) -> None:
    """Lay out `.tools/<name>/python` from `<name>.lock`, stripped of what a Lambda never imports, and pack it beside.

    The same lock gives the same bytes on every machine, so that the layer's asset changes only with its lock.
    """
    layer, unfinished = root / ".tools" / lock.stem, root / ".tools" / f"{lock.stem}.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    target = unfinished / "python"
    platforms = [f"--platform={platform}" for platform in PLATFORMS]
    interpreter = [f"--python-version={PYTHON}", "--implementation=cp"]
    from_lock: Command = ["--require-hashes", "--only-binary=:all:", "--no-deps", "--requirement", lock]
    pip: Command = [root / ".venv" / "bin" / "python", "-m", "pip", "install", "--no-compile", "--target", target]
    log = root / ".tools" / "logs" / f"{lock.stem}.log"
    run(
        f"Fetching the Lambda layer {lock.stem}",
        [*pip, *interpreter, *platforms, *from_lock],
        log=log,
        folder=root,
        hold=hold,
    )
    strip(target)
    shutil.rmtree(layer, ignore_errors=True)
    unfinished.rename(layer)
    pack(layer, root / ".tools" / f"{lock.stem}.zip")


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


def pack(layer: Path, archive: Path) -> None:
    """Write a folder as an archive, which the CDK takes as it is: of a folder it reads and copies each file anew.

    The same files give the same bytes, whenever and by whomever they were written.
    """
    unfinished = archive.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as packed:
        for path in sorted(path for path in layer.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(layer).as_posix(), date_time=FIRST_DATE)
            entry.external_attr = READABLE << 16
            # Level 1 takes a third of the time of the default, and the archive is a seventh larger.
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    unfinished.replace(archive)
