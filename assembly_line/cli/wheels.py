"""The wheels of a line's packages: fetched by pip, for the Python and the system of the line's image."""

from __future__ import annotations

import email
import io
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from assembly_line.canonical import digest_bytes
from assembly_line.errors import RequestRefused
from assembly_line.packages import MOST_BYTES, REQUIREMENTS, Package, normalised

if TYPE_CHECKING:
    from assembly_line.release import Release

LIMIT_SECONDS = 600
MEBIBYTE = 1024 * 1024
METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
# Where the name of a requirement ends.
ENDS = re.compile(r"[^\w.-]")
# Every image in the list has the C library of Ubuntu 20.04 or a later one, on processors of Intel or AMD.
PLATFORMS = [
    *(f"manylinux_2_{minor}_x86_64" for minor in range(31, 4, -1)),
    *("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"),
]


def require_pinned(release: Release) -> None:
    """Refuse a release of which somebody else would get other wheels.

    Raises:
        RequestRefused: a package has no hash.
    """
    unpinned = [str(package) for package in release.packages if package.digest is None]
    if unpinned:
        line = release.line.name
        raise RequestRefused(
            f"Line {line}: {REQUIREMENTS}: {', '.join(unpinned)} has no hash of its wheel; `line pin {line}` writes it",
            where=f"{line}/{REQUIREMENTS}",
            value=", ".join(unpinned),
            expected="a hash of each wheel",
        )


def fetched(release: Release) -> dict[str, bytes]:
    """The wheels of a release by their file names.

    Raises:
        RequestRefused: a package has no hash yet, pip finds no wheel of it for the image, the wheel has another hash,
            or all wheels together are too large to travel in the archive of a model.
    """
    require_pinned(release)
    wheels = _download(release)
    return dict(wheels.values())


@dataclass(frozen=True, slots=True)
class Pinned:
    """The packages of a release with their hashes, and what their wheels need beside them, as the wheels say it."""

    packages: tuple[Package, ...]
    needed: tuple[str, ...]


def pinned(release: Release) -> Pinned:
    """Each package of a release with the hash of the wheel that its image would get today.

    Raises:
        RequestRefused: pip finds no wheel of a package for the image, or a package is pinned to another hash.
    """
    wheels = _download(release)
    packages = tuple(replace(package, digest=digest_bytes(wheels[package.key][1])) for package in release.packages)
    carried = {package.key[0] for package in packages}
    said = {need for _, content in wheels.values() for need in _needs(content)}
    return Pinned(packages, tuple(sorted(need for need in said if normalised(ENDS.split(need)[0]) not in carried)))


def _needs(wheel: bytes) -> Iterator[str]:
    """What a wheel requires, always: not for an extra, nor on another system."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        (metadata,) = (name for name in archive.namelist() if METADATA.fullmatch(name))
        message = email.message_from_bytes(archive.read(metadata))
    for requirement in message.get_all("Requires-Dist", []):
        if ";" not in requirement:
            yield requirement.replace(" ", "")


def _download(release: Release) -> dict[tuple[str, str], tuple[str, bytes]]:
    """(name, version) -> file name and content of the wheel."""
    with tempfile.TemporaryDirectory(prefix="wheels-") as folder:
        for package in release.packages:
            # One by one: with one hash in a file, pip asks for all of them.
            _pip(release, package, Path(folder))
        wheels = {_key(path): (path.name, path.read_bytes()) for path in sorted(Path(folder).glob("*.whl"))}
    size = sum(len(content) for _, content in wheels.values())
    if size > MOST_BYTES:
        raise RequestRefused.about(
            f"Line {release.line.name}: {REQUIREMENTS}",
            f"wheels of {size / MEBIBYTE:.1f} MiB",
            f"at most {MOST_BYTES // MEBIBYTE} MiB",
            "they travel in the archive of each model; leave out what the image has",
        )
    return wheels


def _key(wheel: Path) -> tuple[str, str]:
    name, version, *_ = wheel.name.split("-")
    return normalised(name), version


def _pip(release: Release, package: Package, folder: Path) -> None:
    named = folder / REQUIREMENTS
    named.write_text(package.pinned + "\n", encoding="utf-8")
    for_image = [f"--platform={platform}" for platform in PLATFORMS]
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--implementation=cp"),
        *(f"--python-version={release.python}", *for_image, f"--dest={folder}", f"--requirement={named}"),
        *("--disable-pip-version-check", "--quiet"),
    ]
    environment = {**os.environ, "PIP_NO_INPUT": "1"}
    answer = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if answer.returncode:
        said = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
        errors = " ".join(line.removeprefix("ERROR: ") for line in said if "ERROR" in line or line.startswith("Got"))
        raise RequestRefused(
            f"Line {release.line.name}: {REQUIREMENTS}: pip fetches no wheel of {package} for Python {release.python} "
            f"on Linux (x86_64): {errors[:300] or ' '.join(said)[-300:] or 'it said no more'}",
            where=f"{release.line.name}/{REQUIREMENTS}",
            value=str(package),
            expected=f"a wheel for Python {release.python} on Linux (x86_64) with the pinned hash",
        )
